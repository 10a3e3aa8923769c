//! Chunks to the learner: each one stored exactly once, however often the connection breaks.

mod spool;

#[cfg(test)]
mod tests;

pub use spool::{Next, Spool};

use crate::Error;
use crate::retry::{Attempts, Peer};
use crate::stats::Stats;
use proto::tonic::{Code, Status};
use proto::v1;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use types::Sequence;

/// Chunks handed to the connection beyond what its flow-control window holds.
const IN_FLIGHT: usize = 8;

/// Times in a row that a chunk may arrive damaged before something here must be broken.
const MOST_DAMAGED: u32 = 5;

const CALL: &str = "Push to the learner";

/// Sends what a [`Spool`] holds until it has ended and all of it is acknowledged.
#[derive(Debug)]
pub struct Upload {
    /// The learner.
    pub learner: Peer,
    /// What there is to send.
    pub spool: Arc<Spool>,
    /// Counts reconnections.
    pub stats: Arc<Stats>,
}

/// Why a stream ended before its time.
enum Broken {
    /// It may work the next time.
    Connection(String),
    /// A chunk was damaged on the way; it is whole in the spool.
    Damaged(Box<Status>),
    /// It never will.
    Fatal(Error),
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        if proto::error::is_transient(&status) {
            return Self::Connection(status.to_string());
        }
        match status.code() {
            Code::DataLoss => Self::Damaged(Box::new(status)),
            _ => Self::Fatal(Error::refused(CALL, &status)),
        }
    }
}

impl Upload {
    /// Connects again whenever a stream breaks or the learner moves, until it has been away for too
    /// long. After a break everything from the first chunk that is not acknowledged is sent again.
    ///
    /// # Errors
    /// [`Error::LearnerUnreachable`] if it does not answer; [`Error::Refused`] if the learner
    /// refuses a chunk; [`Error::Miscounted`] or [`Error::Unsent`] if its acknowledgements cannot be
    /// right.
    pub async fn run(self) -> Result<(), Error> {
        let mut attempts = Attempts::new(&self.learner, "upload", self.spool.first().0)?;
        let mut damaged = 0;
        loop {
            let before = self.spool.first();
            let ended = self.stream(&mut attempts).await;
            self.stats.connected(false);
            let last = match ended {
                Ok(()) if self.spool.is_uploaded() => return Ok(()),
                Ok(()) => "the learner closed the stream".to_owned(),
                Err(Broken::Connection(why)) => why,
                Err(Broken::Damaged(status)) if damaged == MOST_DAMAGED => {
                    return Err(Error::refused(CALL, &status));
                }
                Err(Broken::Damaged(status)) => {
                    damaged += 1;
                    status.to_string()
                }
                Err(Broken::Fatal(error)) => return Err(error),
            };
            if self.spool.is_uploaded() {
                return Ok(());
            }
            let progress = self.spool.first() > before;
            if progress {
                damaged = 0;
            }
            attempts.pause(progress, last).await?;
            self.stats.reconnected();
        }
    }

    /// One stream, from the first chunk that is not acknowledged.
    async fn stream(&self, attempts: &mut Attempts) -> Result<(), Broken> {
        let address = attempts.address();
        let channel = self.learner.connect(&address).await.map_err(Broken::Connection)?;
        let mut client = proto::connect::experience(channel);
        let (chunks, outgoing) = mpsc::channel(IN_FLIGHT);
        let acknowledgements = async {
            let reply = client.push(ReceiverStream::new(outgoing)).await?;
            attempts.opened();
            self.stats.connected(true);
            let mut acks = reply.into_inner();
            while let Some(ack) = acks.message().await? {
                self.spool.acknowledge(ack).map_err(Broken::Fatal)?;
            }
            Ok(())
        };
        tokio::select! {
            ended = acknowledgements => ended,
            () = self.learner.moved_from(&address) => {
                Err(Broken::Connection("the learner has moved".to_owned()))
            }
            never = self.feed(chunks) => match never {},
        }
    }

    /// Hands over chunks in order, then closes this direction of the stream and waits to be
    /// dropped with it.
    async fn feed(&self, chunks: mpsc::Sender<v1::Chunk>) -> Infallible {
        let mut news = self.spool.news();
        let mut sequence = self.spool.first();
        loop {
            news.mark_unchanged();
            match self.spool.next(sequence) {
                Next::Chunk(chunk) => {
                    sequence = Sequence(chunk.sequence).next();
                    if chunks.send(*chunk).await.is_err() {
                        break;
                    }
                }
                Next::Nothing => {
                    if news.changed().await.is_err() {
                        break;
                    }
                }
                Next::End => break,
            }
        }
        drop(chunks);
        std::future::pending().await
    }
}
