//! The control service over a real socket, with stand-ins for learner and actors.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use coordinator::{Handle, Server};
use proto::tonic::Code;
use proto::v1;
use std::time::{Duration, Instant};
use support::{Peer, experiment, family, outcome, trial};
use tokio_stream::StreamExt as _;

async fn start() -> (Server, Handle, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(
        &experiment(),
        &family(),
        "nowhere".to_owned(),
        listener,
        &proto::Credentials::none(),
    )
    .unwrap();
    let address = server.address().to_string();
    let handle = server.handle();
    (server, handle, address)
}

fn code<T: std::fmt::Debug>(answer: Result<T, proto::tonic::Status>) -> Code {
    answer.unwrap_err().code()
}

#[tokio::test]
async fn work_of_a_silent_actor_goes_to_another_and_each_outcome_arrives_once() {
    let (server, _, address) = start().await;
    let mut learner = Peer::connect(&address).await;
    let reply = learner.register_learner().await.unwrap();
    assert_eq!(serde_json::from_str::<types::Experiment>(&reply.experiment).unwrap(), experiment());
    let request = v1::OutcomesRequest { from: 0 };
    let mut outcomes = learner.control.outcomes(request).await.unwrap().into_inner();

    let mut silent = Peer::connect(&address).await;
    let lost = silent.register(None).await.unwrap();
    let mut actor = Peer::connect(&address).await;
    let key = actor.register(None).await.unwrap();
    assert_eq!((lost.actor, key.actor), (0, 1), "the lowest free places");
    learner.submit((0..3).map(|id| trial(id, id == 2)).collect()).await.unwrap();
    let leased = silent.lease(lost, 2, 0).await.unwrap().trials;
    assert_eq!(leased[0].id, 2, "evaluation first");

    // The other one keeps up its heartbeat, and waits for work that the dead one holds.
    let mut done = Vec::new();
    while done.len() < 3 {
        actor.heartbeat(key, v1::ActorStats::default()).await.unwrap();
        for trial in actor.lease(key, 8, 500).await.unwrap().trials {
            let twice = vec![outcome(&trial), outcome(&trial)];
            actor.report(key, twice).await.unwrap();
            done.push(trial.id);
        }
    }
    let late = silent.heartbeat(lost, v1::ActorStats::default()).await;
    assert_eq!(code(late), Code::NotFound);
    let late = leased.iter().map(outcome).collect();
    silent.report(lost, late).await.unwrap();
    let mut received = Vec::new();
    while received.len() < 3 {
        received.push(outcomes.next().await.unwrap().unwrap().trial);
    }
    assert_eq!(received, done);
    let more = tokio::time::timeout(Duration::from_millis(100), outcomes.next()).await;
    assert!(more.is_err(), "nothing arrives twice");
    server.close().await;
}

#[tokio::test]
async fn a_waiting_lease_is_answered_by_work_and_by_the_end() {
    let (server, handle, address) = start().await;
    let mut learner = Peer::connect(&address).await;
    let mut actor = Peer::connect(&address).await;
    assert_eq!(code(actor.register(None).await), Code::Unavailable);
    learner.register_learner().await.unwrap();
    let key = actor.register(Some(5)).await.unwrap();
    for end in [false, true] {
        let mut waiting = actor.clone();
        let lease = tokio::spawn(async move { waiting.lease(key, 1, 20_000).await.unwrap() });
        let asked = Instant::now();
        if end {
            handle.stop();
        } else {
            learner.submit(vec![trial(0, false)]).await.unwrap();
        }
        let reply = lease.await.unwrap();
        assert_eq!((reply.trials.len(), reply.drain), if end { (0, true) } else { (1, false) });
        assert!(asked.elapsed() < Duration::from_secs(2));
    }
    assert!(actor.heartbeat(key, v1::ActorStats::default()).await.unwrap());
    assert_eq!(code(actor.register(None).await), Code::FailedPrecondition);
    server.close().await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_expected_and_got() {
    let (server, _, address) = start().await;
    let mut peer = Peer::connect(&address).await;
    peer.register_learner().await.unwrap();
    let key = peer.register(None).await.unwrap();

    let future =
        v1::RegisterRequest { protocol: proto::PROTOCOL + 1, ..v1::RegisterRequest::default() };
    let refused = peer.control.register(future).await.unwrap_err();
    assert!(refused.message().contains("expected version 1, got 2"), "{refused}");
    assert_eq!(code(peer.lease(key, 0, 0).await), Code::InvalidArgument);
    let nan = v1::ActorStats { waited_lease_s: f64::NAN, ..v1::ActorStats::default() };
    assert_eq!(code(peer.heartbeat(key, nan).await), Code::InvalidArgument);
    let mut no_such_task = trial(0, false);
    no_such_task.task = Some(v1::TaskRef { split: 1, index: 4 });
    let refused = peer.submit(vec![no_such_task]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("below 4, got 4"), "{refused}");
    let never_submitted = vec![outcome(&trial(77, false))];
    assert_eq!(code(peer.report(key, never_submitted).await), Code::InvalidArgument);
    let ahead = v1::OutcomesRequest { from: 1 };
    assert_eq!(code(peer.control.outcomes(ahead).await), Code::OutOfRange);
    let evaluation = v1::Evaluation {
        tasks: vec![v1::TaskScore {
            task: Some(v1::TaskRef { split: 2, index: 0 }),
            returns: vec![f64::INFINITY],
        }],
        ..v1::Evaluation::default()
    };
    let progress =
        v1::LearnerProgress { evaluations: vec![evaluation], ..v1::LearnerProgress::default() };
    assert_eq!(code(peer.progress(progress).await), Code::InvalidArgument);
    // Too much is refused as well, and what is accepted stays.
    for first in [0, 50_000] {
        let half = (first..first + 50_000).map(|id| trial(id, false)).collect();
        peer.submit(half).await.unwrap();
    }
    assert_eq!(code(peer.submit(vec![trial(100_000, false)]).await), Code::ResourceExhausted);
    peer.submit(vec![trial(99_999, false)]).await.unwrap();
    server.close().await;
}

#[tokio::test]
async fn status_answers_at_once_with_256_actors() {
    let (server, _, address) = start().await;
    let mut peer = Peer::connect(&address).await;
    peer.register_learner().await.unwrap();
    for place in 0..256 {
        let key = peer.register(None).await.unwrap();
        assert_eq!(key.actor, place);
        let stats = v1::ActorStats { env_steps: 1000, ..v1::ActorStats::default() };
        peer.heartbeat(key, stats).await.unwrap();
    }
    let asked = Instant::now();
    let status = peer.control.status(v1::StatusRequest {}).await.unwrap().into_inner();
    let took = asked.elapsed();
    assert_eq!(status.actors.iter().filter(|actor| actor.alive).count(), 256);
    assert!(took < Duration::from_millis(200), "{took:?}");
    server.close().await;
}
