//! Peers with the right credentials, or before they need any, that send what they should not.

use crate::support::{Learner, Log, Secrets, Steady, chunk};
use bytes::Bytes;
use http_body::Frame;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use proto::connect::{Channel, connect};
use proto::tonic::body::Body;
use proto::tonic::{Code, Status};
use proto::{Credentials, Role};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Interval, timeout};
use tower_service::Service as _;

/// Longer than any bound of the server.
const PATIENCE: Duration = Duration::from_secs(40);
const PUSH: &str = "/proteus.v1.Experience/Push";

/// A body that sends its first bytes at once, and then one byte each time.
struct Dribble {
    first: Option<Bytes>,
    ticks: Option<Interval>,
}

impl http_body::Body for Dribble {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(ticks) = &mut this.ticks else { return Poll::Ready(None) };
        ticks.poll_tick(cx).map(|_| Some(Ok(Frame::data(Bytes::from_static(&[1])))))
    }
}

/// Calls `path` with these bytes as they are; the status that comes back.
async fn call(channel: &mut Channel, path: &str, first: Bytes, ticks: Option<Interval>) -> Status {
    let body = Body::new(Dribble { first: Some(first), ticks });
    let request = http::Request::post(format!("http://learner{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    std::future::poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
    let response = match timeout(PATIENCE, channel.call(request)).await.unwrap() {
        Ok(response) => response,
        Err(error) => return Status::from_error(error.into()),
    };
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let mut body = response.into_body();
    loop {
        let frame = std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx));
        match timeout(PATIENCE, frame).await.expect("an answer") {
            Some(Ok(frame)) => {
                let trailers = frame.into_trailers().ok();
                if let Some(status) = trailers.and_then(|map| Status::from_header_map(&map)) {
                    return status;
                }
            }
            Some(Err(error)) => return error,
            None => return Status::unknown("the stream ended without a status"),
        }
    }
}

/// `message` as gRPC sends it.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap();
    [&[0][..], &length.to_be_bytes(), message].concat().into()
}

struct World {
    learner: Learner,
    steady: Steady,
    log: Log,
}

impl World {
    async fn start(secrets: Option<&Secrets>) -> Self {
        let of = |role| secrets.map_or_else(Credentials::none, |secrets| secrets.of(role));
        let log = Log::start();
        let learner = Learner::start(of(Role::Learner)).await;
        let steady = Steady::open(&learner, &of(Role::Actor)).await;
        Self { learner, steady, log }
    }
}

/// Of somebody who may call.
async fn caller(learner: &Learner, secrets: Option<&Secrets>) -> Channel {
    let credentials = secrets.map_or_else(Credentials::none, |secrets| secrets.of(Role::Actor));
    connect(&learner.address, Role::Learner, &credentials).await.unwrap()
}

#[tokio::test]
async fn an_oversize_message_is_refused_before_it_is_there() {
    let secrets = Secrets::new();
    let World { learner, mut steady, log } = World::start(Some(&secrets)).await;
    let mut channel = caller(&learner, Some(&secrets)).await;
    for _ in 0..5 {
        steady.send().await;
        // Its length is enough.
        let announced = [&[0][..], &(5 * 1024 * 1024_u32).to_be_bytes(), &[0; 100]].concat();
        let status = call(&mut channel, PUSH, announced.into(), None).await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(
            status.message().contains("expected at most 4194304 bytes, got 5242880"),
            "{status}"
        );
    }
    steady.send().await;
    assert_eq!(learner.store.stored(), 6 * 4);
    log.expect_one(&["Size", "5242880"]);
}

#[tokio::test]
async fn messages_under_way_are_bounded_for_a_connection() {
    let World { learner, mut steady, log } = World::start(None).await;
    let channel = caller(&learner, None).await;
    let four = || Bytes::from([&[0][..], &(4 * 1024 * 1024_u32).to_be_bytes()].concat());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let mut channel = channel.clone();
        let ticks = tokio::time::interval(Duration::from_secs(60));
        calls.spawn(async move { call(&mut channel, PUSH, four(), Some(ticks)).await });
    }
    // The third one is too much; the others wait for what never comes.
    let status = calls.join_next().await.unwrap().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    steady.send().await;
    log.expect_one(&["Size", "under way"]);
}

#[tokio::test]
async fn a_stream_that_sends_byte_by_byte_is_cut() {
    let secrets = Secrets::new();
    let World { learner, mut steady, log } = World::start(Some(&secrets)).await;
    let channel = caller(&learner, Some(&secrets)).await;
    let begun = framed(&[0; 1000]).slice(..100);
    let header = framed(&[0; 1000]).slice(..3);
    let mut calls = tokio::task::JoinSet::new();
    for first in [begun.clone(), header, begun] {
        let mut channel = channel.clone();
        calls.spawn(async move {
            let ticks = tokio::time::interval(Duration::from_millis(500));
            call(&mut channel, PUSH, first, Some(ticks)).await
        });
    }
    while !calls.is_empty() {
        steady.send().await;
        if let Ok(Some(status)) = timeout(Duration::from_millis(50), calls.join_next()).await {
            let status = status.unwrap();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        }
    }
    steady.send().await;
    log.expect_one(&["Slow", "expected"]);
}

/// Ends when the server closes the connection.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // An end in order or not: both are an end.
    drop(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the server hangs up"));
}

#[tokio::test]
async fn who_never_says_hello_is_cut_and_told_once() {
    for secrets in [None, Some(Secrets::new())] {
        let World { learner, mut steady, log } = World::start(secrets.as_ref()).await;
        let mut silent = tokio::task::JoinSet::new();
        for number in 0..50 {
            let mut stream = TcpStream::connect(&learner.address).await.unwrap();
            if number % 2 == 0 {
                // Half of a preface, or of a record of TLS.
                let half = if secrets.is_none() { &b"PRI * HTTP/2.0"[..] } else { &[22, 3, 1, 2] };
                stream.write_all(half).await.unwrap();
            }
            silent.spawn(closed(stream));
        }
        while !silent.is_empty() {
            steady.send().await;
            if let Ok(Some(ended)) = timeout(Duration::from_millis(50), silent.join_next()).await {
                ended.unwrap();
            }
        }
        steady.send().await;
        log.expect_one(&["refused", "expected"]);
    }
}

/// Bytes that are no chunk: anything at all, and good chunks with some bytes changed or cut off.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let good = {
        use prost::Message as _;
        chunk(7, 0).encode_to_vec()
    };
    let length = good.len();
    let changes = prop::collection::vec((0..length, 1..=255_u8), 1..8);
    let changed = (changes, 0..=length).prop_map(move |(changes, keep)| {
        let mut bytes = good.clone();
        for (at, by) in changes {
            bytes[at] ^= by;
        }
        bytes.truncate(keep.max(1));
        bytes
    });
    let anything = prop::collection::vec(any::<u8>(), 1..300);
    prop_oneof![anything, changed]
}

#[tokio::test]
async fn ten_thousand_garbage_messages_are_refused_and_told_once() {
    let secrets = Secrets::new();
    let World { learner, mut steady, log } = World::start(Some(&secrets)).await;
    let mut channel = caller(&learner, Some(&secrets)).await;
    let mut runner = TestRunner::deterministic();
    let garbage = garbage();
    for number in 0..10_000 {
        if number % 500 == 0 {
            steady.send().await;
        }
        let message = garbage.new_tree(&mut runner).unwrap().current();
        let status = call(&mut channel, PUSH, framed(&message), None).await;
        assert!(
            !matches!(status.code(), Code::Ok | Code::Unavailable),
            "{number}: {status} {message:?}"
        );
    }
    steady.send().await;
    assert_eq!(learner.store.stored(), 21 * 4);
    log.expect_one(&["Message"]);
}

#[tokio::test]
async fn garbage_instead_of_grpc_is_refused_and_told_once() {
    let World { learner, mut steady, log } = World::start(None).await;
    for number in 0..1000 {
        if number % 100 == 0 {
            steady.send().await;
        }
        let mut stream = TcpStream::connect(&learner.address).await.unwrap();
        // The server may hang up before all is written.
        drop(stream.write_all(b"GET / HTTP/1.1\r\nHost: learner\r\n\r\n").await);
        closed(stream).await;
    }
    steady.send().await;
    log.expect_one(&["Protocol"]);
}
