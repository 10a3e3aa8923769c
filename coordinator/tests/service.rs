//! The control service over a real socket, with stand-ins for learner and actors.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use coordinator::{Beginning, Handle, Server, Setup, journal};
use proto::tonic::Code;
use proto::v1;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Peer, experiment, family, outcome, trial};
use tokio_stream::StreamExt as _;

async fn start() -> (Server, Handle, String) {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), Beginning::New, "127.0.0.1:0").await;
    let address = server.address().to_string();
    let handle = server.handle();
    (server, handle, address)
}

async fn serve(run_dir: &Path, beginning: Beginning, address: &str) -> Server {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let setup = Setup {
        experiment: &experiment(),
        family: &family(),
        run_dir,
        beginning,
        learner_timeout: coordinator::learner::PATIENCE,
        credentials: &proto::Credentials::none(),
    };
    Server::start(setup, listener).unwrap()
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
    let request = v1::OutcomesRequest { from: 0, realign: false };
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
async fn a_coordinator_that_is_started_again_goes_on_where_the_last_one_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), Beginning::New, "127.0.0.1:0").await;
    let address = server.address().to_string();
    let mut learner = Peer::connect(&address).await;
    learner.register_learner().await.unwrap();
    let mut actor = Peer::connect(&address).await;
    let key = actor.register(Some(3)).await.unwrap();
    learner.submit((0..5).map(|id| trial(id, false)).collect()).await.unwrap();
    let leased = actor.lease(key, 3, 0).await.unwrap().trials;
    actor.report(key, vec![outcome(&leased[0])]).await.unwrap();
    let evaluation = v1::Evaluation { number: 1, ..v1::Evaluation::default() };
    let progress = v1::LearnerProgress {
        version: 7,
        evaluations: vec![evaluation.clone()],
        ..v1::LearnerProgress::default()
    };
    learner.progress(progress.clone()).await.unwrap();
    // All that was answered is in the file; nothing more is asked of the one that goes away.
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join(journal::FILE), copy.path().join(journal::FILE)).unwrap();
    server.close().await;

    let loaded = journal::load(&copy.path().join(journal::FILE)).unwrap();
    assert_eq!(loaded.lost, 0);
    let server = serve(copy.path(), Beginning::Continued(loaded.entries), &address).await;
    let handle = server.handle();
    let again = |call: Code| call == Code::Unavailable || call == Code::Unknown;
    while let Err(status) = actor.heartbeat(key, v1::ActorStats::default()).await {
        assert!(again(status.code()), "the same life goes on: {status}");
    }
    actor.report(key, vec![outcome(&leased[1]), outcome(&leased[0])]).await.unwrap();
    let mut other = Peer::connect(&address).await;
    let second = other.register(None).await.unwrap();
    assert_eq!((second.actor, second.incarnation), (0, key.incarnation + 1));
    let request = v1::LeaseRequest {
        actor: Some(second),
        capacity: 9,
        version: Some(7),
        ..v1::LeaseRequest::default()
    };
    let rest = other.control.lease(request).await.unwrap().into_inner().trials;
    assert_eq!(rest.iter().map(|t| t.id).collect::<Vec<_>>(), [3, 4], "2 is still leased");
    let mut outcomes = learner
        .control
        .outcomes(v1::OutcomesRequest { from: 0, realign: false })
        .await
        .unwrap()
        .into_inner();
    for expected in [0, 1] {
        assert_eq!(outcomes.next().await.unwrap().unwrap().trial, expected);
    }
    assert_eq!(handle.unrecorded(), [evaluation], "it had not been recorded");
    handle.note_recorded(1);
    learner.progress(progress).await.unwrap();
    assert_eq!(handle.unrecorded(), [], "it is known");
    assert!(handle.status().learner_lives == 1 && handle.status().trials_done == 2);
    server.close().await;
}

#[tokio::test]
async fn a_second_learner_is_refused_by_the_word_of_the_first_and_let_in_by_its_silence() {
    let (server, handle, address) = start().await;
    let mut first = Peer::connect(&address).await;
    let life = first.register_learner().await.unwrap().life;
    let elsewhere = |pid| v1::RegisterLearnerRequest {
        protocol: proto::PROTOCOL,
        address: format!("127.0.0.1:{pid}"),
        host: "there".to_owned(),
        pid,
    };
    let mut second = Peer::connect(&address).await;
    let mut asking = second.clone();
    let asked = tokio::spawn(async move { asking.control.register_learner(elsewhere(2)).await });
    while !asked.is_finished() {
        first.progress(v1::LearnerProgress::default()).await.unwrap();
        tokio::task::yield_now().await;
    }
    let refused = asked.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(refused.message().contains("process 2 on there"), "{refused}");
    // The first says nothing more.
    second.control.register_learner(elsewhere(2)).await.unwrap();
    assert_eq!(handle.status().learner_lives, 2);
    let late = v1::ProgressRequest { progress: Some(v1::LearnerProgress::default()), life };
    let refused = first.control.progress(late).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("another process has taken over"), "{refused}");
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
    let ahead = v1::OutcomesRequest { from: 1, realign: false };
    assert_eq!(code(peer.control.outcomes(ahead).await), Code::OutOfRange);
    let evaluation = v1::Evaluation {
        tasks: vec![v1::TaskScore {
            task: Some(v1::TaskRef { split: 2, index: 0 }),
            returns: vec![f64::INFINITY],
            ..v1::TaskScore::default()
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
    let status =
        peer.control.status(v1::StatusRequest { history: false }).await.unwrap().into_inner();
    let took = asked.elapsed();
    assert_eq!(status.actors.iter().filter(|actor| actor.alive).count(), 256);
    assert!(took < Duration::from_millis(200), "{took:?}");
    server.close().await;
}
