//! What has been made and is not yet known to be stored.

use crate::Error;
use crate::rollout::{Cut, Over};
use crate::stats::{Stats, Wait};
use parking_lot::{Condvar, Mutex};
use proto::v1;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use types::{ActorId, Chunk, Incarnation, Origin, Sequence, TrialOutcome};

/// A blocked rollout looks at the clock this often, so that heartbeats tell how long it has waited.
const GLANCE: Duration = Duration::from_millis(200);

/// Chunks between the rollout thread, which makes them and waits when there is no room, and the
/// upload, which drops them once they are acknowledged.
///
/// Outcomes of trials go through here too: one is handed out only when all chunks made before it
/// are acknowledged.
#[derive(Debug)]
pub struct Spool {
    actor: ActorId,
    incarnation: Incarnation,
    /// Transitions that may be held.
    limit: usize,
    stats: Arc<Stats>,
    state: Mutex<State>,
    room: Condvar,
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Made and not acknowledged, in order.
    chunks: VecDeque<Entry>,
    /// Number of the first of them, or of the next one to be made.
    first: Sequence,
    /// Transitions in them.
    held: usize,
    /// Transitions before them.
    acknowledged: u64,
    /// Outcomes, each with the number of the chunk that was to be made next.
    outcomes: VecDeque<(Sequence, TrialOutcome)>,
    /// Nothing more will be made.
    ended: bool,
    /// Nothing more is taken.
    refuses: bool,
}

#[derive(Debug)]
struct Entry {
    wire: v1::Chunk,
    transitions: usize,
}

/// What there is to send.
#[derive(Debug)]
pub enum Next {
    /// This chunk.
    Chunk(Box<v1::Chunk>),
    /// Nothing at the moment.
    Nothing,
    /// Nothing ever again.
    End,
}

impl Spool {
    /// An empty spool for at most `limit` transitions of one life of an actor.
    #[must_use]
    pub fn new(
        actor: ActorId,
        incarnation: Incarnation,
        limit: usize,
        stats: Arc<Stats>,
    ) -> Arc<Self> {
        Arc::new(Self {
            actor,
            incarnation,
            limit,
            stats,
            state: Mutex::default(),
            room: Condvar::new(),
            news: watch::Sender::new(()),
        })
    }

    /// Numbers and keeps a chunk; blocks while there is no room for it. To be called by one thread
    /// only: numbers follow the order of calls.
    ///
    /// # Errors
    /// [`Over`] after [`Spool::refuse`].
    pub fn push(&self, cut: Cut) -> Result<(), Over> {
        let transitions = cut.segment.len();
        let sequence = self.wait_for_room(transitions)?;
        let wire = proto::chunk::encode(&self.number(cut, sequence));
        let mut state = self.state.lock();
        state.held += transitions;
        state.chunks.push_back(Entry { wire, transitions });
        drop(state);
        self.stats.sent(transitions);
        self.news.send_replace(());
        Ok(())
    }

    fn wait_for_room(&self, transitions: usize) -> Result<Sequence, Over> {
        let mut state = self.state.lock();
        while !state.refuses && state.held > 0 && state.held + transitions > self.limit {
            let start = Instant::now();
            self.room.wait_for(&mut state, GLANCE);
            self.stats.waited(Wait::Upload, start.elapsed());
        }
        if state.refuses {
            return Err(Over);
        }
        Ok(state.next())
    }

    fn number(&self, cut: Cut, sequence: Sequence) -> Chunk {
        Chunk {
            origin: Origin { actor: self.actor, incarnation: self.incarnation, sequence },
            trial: cut.trial,
            task: cut.task,
            episode: cut.episode,
            offset: cut.offset,
            context: cut.context,
            policy_version: cut.policy_version,
            encoder_version: cut.encoder_version,
            segment: cut.segment,
        }
    }

    /// Keeps the outcome of a trial until all chunks made so far are acknowledged.
    pub fn outcome(&self, outcome: TrialOutcome) {
        let mut state = self.state.lock();
        let after = state.next();
        state.outcomes.push_back((after, outcome));
        drop(state);
        self.news.send_replace(());
    }

    /// Says that nothing more will be made.
    pub fn end(&self) {
        self.state.lock().ended = true;
        self.news.send_replace(());
    }

    /// Takes nothing more; whoever waits for room is sent away.
    pub fn refuse(&self) {
        self.state.lock().refuses = true;
        self.room.notify_all();
    }

    /// Changes whenever there is something new to send, report or conclude.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Number of the first chunk that is not acknowledged.
    #[must_use]
    pub fn first(&self) -> Sequence {
        self.state.lock().first
    }

    /// The chunk of number `sequence`, or the first later one that is not acknowledged, or why
    /// there is none.
    #[must_use]
    pub fn next(&self, sequence: Sequence) -> Next {
        let state = self.state.lock();
        let index = usize::try_from(sequence.0.saturating_sub(state.first.0));
        match index.ok().and_then(|index| state.chunks.get(index)) {
            Some(entry) => Next::Chunk(Box::new(entry.wire.clone())),
            None if state.ended => Next::End,
            None => Next::Nothing,
        }
    }

    /// Drops what is stored, and compares counts.
    ///
    /// # Errors
    /// [`Error::Unsent`] or [`Error::Miscounted`] when the learner's view cannot be right.
    pub fn acknowledge(&self, ack: v1::Ack) -> Result<(), Error> {
        let mut state = self.state.lock();
        if ack.next_sequence > state.next().0 {
            return Err(Error::Unsent { expected: state.next(), got: ack.next_sequence });
        }
        let before = state.acknowledged;
        let old = ack.next_sequence < state.first.0;
        while state.first.0 < ack.next_sequence {
            state.drop_first();
        }
        let expected = state.acknowledged;
        if ack.transitions < expected || (ack.transitions > expected && !old) {
            return Err(Error::Miscounted {
                sequence: state.first,
                expected,
                got: ack.transitions,
            });
        }
        drop(state);
        self.stats.acknowledged(expected - before);
        self.room.notify_all();
        self.news.send_replace(());
        Ok(())
    }

    /// Outcomes all of whose chunks are acknowledged.
    #[must_use]
    pub fn take_ready(&self) -> Vec<TrialOutcome> {
        let mut state = self.state.lock();
        let first = state.first;
        let ready = state.outcomes.partition_point(|(after, _)| *after <= first);
        state.outcomes.drain(..ready).map(|(_, o)| o).collect()
    }

    /// Whether all that will ever be made is acknowledged and its outcomes are taken.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.ended && state.chunks.is_empty() && state.outcomes.is_empty()
    }

    /// Whether all chunks that will ever be made are acknowledged.
    #[must_use]
    pub fn is_uploaded(&self) -> bool {
        let state = self.state.lock();
        state.ended && state.chunks.is_empty()
    }

    /// Transitions that are not acknowledged, and outcomes that are not taken.
    #[must_use]
    pub fn left(&self) -> (u64, usize) {
        let state = self.state.lock();
        (state.held as u64, state.outcomes.len())
    }
}

impl State {
    /// Number of the next chunk to be made.
    fn next(&self) -> Sequence {
        Sequence(self.first.0 + self.chunks.len() as u64)
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.chunks.pop_front() {
            self.held -= entry.transitions;
            self.acknowledged += entry.transitions as u64;
            self.first = self.first.next();
        }
    }
}
