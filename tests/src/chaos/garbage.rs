//! A stranger who sends garbage to the learner.

use anyhow::Context as _;
use proto::{Credentials, v1};
use rand::{Rng as _, RngExt as _};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use types::{Role, stream};

/// The stranger's name: no coordinator has given it out.
pub const STRANGER: u64 = u64::MAX;
/// How long the learner may take to refuse.
const ANSWER: Duration = Duration::from_secs(5);

/// Sends so many messages of several kinds; what was taken that should have been refused.
///
/// # Errors
/// If the learner cannot be reached at all.
pub async fn send(learner: SocketAddr, messages: u32) -> anyhow::Result<Vec<String>> {
    let mut taken = Vec::new();
    for number in 0..messages {
        match number % 3 {
            0 => raw_bytes(learner, number).await?,
            1 => taken.extend(pushed(learner, chunk(number, Seal::Wrong)).await?),
            _ => taken.extend(pushed(learner, chunk(number, Seal::Right)).await?),
        }
    }
    Ok(taken)
}

enum Seal {
    Right,
    Wrong,
}

/// Bytes that are no protocol at all.
async fn raw_bytes(learner: SocketAddr, number: u32) -> anyhow::Result<()> {
    let mut bytes = vec![0; 4096];
    stream(1, Role::Fault, number.into(), 1).fill_bytes(&mut bytes);
    let mut stream = TcpStream::connect(learner).await.context("connect to the learner")?;
    // It may hang up before all of it is sent.
    stream.write_all(&bytes).await.ok();
    Ok(())
}

/// Random numbers in the fields of a chunk.
fn chunk(number: u32, seal: Seal) -> v1::Chunk {
    let mut rng = stream(1, Role::Fault, number.into(), 2);
    let mut bytes = |most: usize| {
        let mut bytes = vec![0; rng.random_range(0..most)];
        rng.fill_bytes(&mut bytes);
        bytes.into()
    };
    let mut chunk = v1::Chunk {
        protocol: proto::PROTOCOL,
        actor: Some(v1::ActorKey { actor: 0, incarnation: STRANGER }),
        observations: bytes(2000),
        actions: bytes(1000),
        rewards: bytes(500),
        ..v1::Chunk::default()
    };
    chunk.sequence = rng.random_range(0..3);
    chunk.trial = rng.random_range(0..1000);
    chunk.len = rng.random_range(0..100);
    chunk.checksum = proto::chunk::checksum(&chunk).wrapping_add(match seal {
        Seal::Right => 0,
        Seal::Wrong => 1,
    });
    chunk
}

/// Pushes a chunk; what is wrong if it is not refused.
async fn pushed(learner: SocketAddr, chunk: v1::Chunk) -> anyhow::Result<Option<String>> {
    let channel =
        proto::connect::connect(&learner.to_string(), proto::Role::Learner, &Credentials::none())
            .await;
    let mut client = proto::connect::experience(channel.context("connect to the learner")?);
    let answer = tokio::time::timeout(ANSWER, async {
        client.push(tokio_stream::iter([chunk])).await?.into_inner().message().await
    });
    Ok(match answer.await {
        Ok(Err(_refused)) => None,
        Ok(Ok(answer)) => Some(format!("garbage: expected a refusal, got {answer:?}")),
        Err(_late) => Some(format!("garbage: expected a refusal, got nothing for {ANSWER:?}")),
    })
}
