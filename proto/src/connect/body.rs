//! What a caller sends, held to a pace and to a size before anything is allocated for it.

use super::peer::Peer;
use super::refusals::Reason;
use super::rules;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;

/// How long a message that has begun may be waited for,
const PATIENCE: Duration = Duration::from_secs(10);
/// and besides for as long as its bytes take at this rate (bytes per second).
const SLOWEST: u32 = 64 * 1024;
/// And then: if it is this process that stood still, what has come meanwhile is read first.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the first message of a call may be waited for.
const FIRST: Duration = Duration::from_secs(10);

/// gRPC puts a flag and a length before each message.
const PREFIX: usize = 5;

/// How long the first message may be in coming.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// As long as it likes.
    Idle,
    /// Not long.
    Prompt,
}

impl Pace {
    pub(super) fn of(path: &str) -> Self {
        if rules::may_stay_silent(path) { Self::Idle } else { Self::Prompt }
    }
}

/// The body of a call.
#[derive(Debug)]
pub(super) struct Paced {
    body: Body,
    peer: Peer,
    framing: Framing,
    clock: Clock,
    failed: bool,
}

impl Paced {
    pub(super) fn new(body: Body, peer: Peer, pace: Pace) -> Self {
        let mut clock = Clock::default();
        if matches!(pace, Pace::Prompt) {
            clock.allow(FIRST);
        }
        Self { body, peer, framing: Framing::default(), clock, failed: false }
    }

    /// Follows the messages in `data`.
    fn follow(&mut self, mut data: &[u8]) -> Result<(), Status> {
        while !data.is_empty() {
            let part = self.framing.take(data);
            data = &data[part.bytes..];
            match part.event {
                Event::Nothing => {}
                Event::Touched => self.clock.allow(PATIENCE),
                Event::Began(size) => {
                    self.peer.begin(size).inspect_err(|_| self.framing.forget())?;
                    let transfer = Duration::from_secs(size as u64) / SLOWEST;
                    self.clock.allow(PATIENCE + transfer);
                }
                Event::Ended(size) => {
                    self.peer.end(size);
                    self.clock.stop();
                }
            }
        }
        Ok(())
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.failed {
            return Poll::Ready(None);
        }
        let answer = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending if this.clock.is_over(cx) => {
                let why = this.framing.describe_wait();
                this.peer.refuse(Reason::Slow, &why);
                Err(Status::deadline_exceeded(why))
            }
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(status))) => Err(status),
            Poll::Ready(Some(Ok(frame))) => {
                this.clock.heard();
                let followed = frame.data_ref().map_or(Ok(()), |data| this.follow(data));
                followed.map(|()| frame)
            }
        };
        this.failed = answer.is_err();
        Poll::Ready(Some(answer))
    }

    fn is_end_stream(&self) -> bool {
        self.failed || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.peer.end(self.framing.under_way());
    }
}

/// Where in its messages a body is.
#[derive(Debug, Default)]
struct Framing {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    have: usize,
    /// Of the message that has begun, and what of it is still to come.
    size: usize,
    left: usize,
}

struct Part {
    /// How many bytes belong to it.
    bytes: usize,
    event: Event,
}

enum Event {
    Nothing,
    /// The first bytes of a prefix.
    Touched,
    Began(usize),
    Ended(usize),
}

impl Framing {
    /// Takes the next part from the front of `data`, which is not empty.
    fn take(&mut self, data: &[u8]) -> Part {
        if self.have < PREFIX {
            let bytes = data.len().min(PREFIX - self.have);
            self.prefix[self.have..self.have + bytes].copy_from_slice(&data[..bytes]);
            let first = self.have == 0;
            self.have += bytes;
            let event = match (self.have, first) {
                (PREFIX, _) => self.begin(),
                (_, true) => Event::Touched,
                (_, false) => Event::Nothing,
            };
            return Part { bytes, event };
        }
        let bytes = data.len().min(self.left);
        self.left -= bytes;
        let event = if self.left == 0 { self.end() } else { Event::Nothing };
        Part { bytes, event }
    }

    fn begin(&mut self) -> Event {
        let [_, a, b, c, d] = self.prefix;
        self.size = u32::from_be_bytes([a, b, c, d]) as usize;
        self.left = self.size;
        if self.size == 0 { self.end() } else { Event::Began(self.size) }
    }

    fn end(&mut self) -> Event {
        let size = self.size;
        self.forget();
        Event::Ended(size)
    }

    fn forget(&mut self) {
        *self = Self::default();
    }

    /// Size of the message that has begun and has not ended.
    fn under_way(&self) -> usize {
        self.size
    }

    fn describe_wait(&self) -> String {
        match self.size {
            0 if self.have == 0 => format!("expected a message within {FIRST:?}, got none"),
            0 => format!("expected the rest of a message within {PATIENCE:?}, got none"),
            size => format!(
                "message of {size} bytes: expected them at {SLOWEST} bytes per second or more, \
                 got {} in all",
                size - self.left
            ),
        }
    }
}

/// Counts the time that is spent waiting for the caller, and no other.
#[derive(Debug, Default)]
struct Clock {
    /// What is left of the time that the next message may take; `None` while none is waited for.
    left: Option<Duration>,
    /// [`AGAIN`] has been added to it.
    extended: bool,
    /// Since when nothing has come.
    since: Option<Instant>,
    /// Wakes up in time; possibly before, because moving it for every message would cost.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn allow(&mut self, time: Duration) {
        self.left = Some(time);
        self.extended = false;
    }

    fn stop(&mut self) {
        self.left = None;
    }

    fn heard(&mut self) {
        if let (Some(left), Some(since)) = (&mut self.left, self.since.take()) {
            *left = left.saturating_sub(since.elapsed());
        }
    }

    /// Nothing has come. If it has been waited for long enough, that was all.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        let Some(mut left) = self.left else {
            return false;
        };
        if !self.extended && since.elapsed() >= left {
            left = since.elapsed() + AGAIN;
            (self.left, self.extended) = (Some(left), true);
        }
        let end = since + left;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if alarm.deadline() > end {
            alarm.as_mut().reset(end);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return true;
            }
            alarm.as_mut().reset(end);
        }
        false
    }
}
