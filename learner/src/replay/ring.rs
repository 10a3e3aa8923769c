//! The newest transitions of a task: not the numbers, but where they lie in the log.

use crate::experience::{ChunkLayout, ChunkMeta, Log, Position, Record, Transitions};
use crate::replay::labels::Labels;
use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use types::experiment::Within;

/// A run of transitions of one chunk in the log.
#[derive(Debug, Clone)]
pub struct Extent {
    record: Record,
    meta: ChunkMeta,
}

impl Extent {
    /// A chunk's record, or `None` if it is no chunk of this layout.
    #[must_use]
    pub fn of(record: Record, layout: ChunkLayout) -> Option<Self> {
        let (meta, _) = layout.read(record.body())?;
        Some(Self { record, meta })
    }

    /// A record that was just written.
    #[must_use]
    pub fn new(record: Record, meta: ChunkMeta) -> Self {
        Self { record, meta }
    }

    /// What the chunk says besides its numbers.
    #[must_use]
    pub fn meta(&self) -> &ChunkMeta {
        &self.meta
    }

    /// Transitions.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a chunk is never empty")]
    pub fn len(&self) -> u64 {
        self.meta.len().into()
    }

    /// Where it lies.
    #[must_use]
    pub fn position(&self) -> Position {
        self.record.position()
    }

    /// Number of its segment.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.record.segment.index()
    }

    fn transitions(&self, layout: ChunkLayout) -> Option<Transitions<'_>> {
        layout.over(self.record.body(), self.meta.terminated())
    }
}

/// The newest `capacity` transitions that were pushed, oldest first.
#[derive(Debug)]
pub struct Ring {
    capacity: u64,
    /// Each with the number of its first transition.
    extents: VecDeque<(u64, Extent)>,
    /// Number of the next transition.
    end: u64,
}

/// What a checkpoint holds of a ring.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RingPlaces {
    /// Number of the next transition.
    pub end: u64,
    /// Where the chunks lie, oldest first.
    pub places: Vec<Position>,
}

impl Ring {
    /// An empty ring.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity as u64, extents: VecDeque::new(), end: 0 }
    }

    /// A ring as it was; `None` if a place does not hold a chunk any more.
    #[must_use]
    pub fn restore(
        capacity: usize,
        places: &RingPlaces,
        log: &Log,
        layout: ChunkLayout,
    ) -> Option<Self> {
        let extents = places.places.iter().map(|place| Extent::of(log.record(*place)?, layout));
        let extents: Vec<Extent> = extents.collect::<Option<_>>()?;
        let held: u64 = extents.iter().map(Extent::len).sum();
        let mut first = places.end.checked_sub(held)?;
        let mut ring = Self::new(capacity);
        for extent in extents {
            let next = first + extent.len();
            ring.extents.push_back((first, extent));
            first = next;
        }
        ring.end = places.end;
        ring.drop_old();
        Some(ring)
    }

    /// What a checkpoint needs.
    #[must_use]
    pub fn places(&self) -> RingPlaces {
        let places = self.extents.iter().map(|(_, extent)| extent.position()).collect();
        RingPlaces { end: self.end, places }
    }

    /// Adds the transitions of a chunk; the oldest ones give way once the ring is full.
    pub fn push(&mut self, extent: Extent) {
        let first = self.end;
        self.end += extent.len();
        self.extents.push_back((first, extent));
        self.drop_old();
    }

    fn drop_old(&mut self) {
        let start = self.start();
        while self.extents.front().is_some_and(|(first, extent)| first + extent.len() <= start) {
            self.extents.pop_front();
        }
    }

    /// Number of the oldest transition held.
    fn start(&self) -> u64 {
        self.end.saturating_sub(self.capacity)
    }

    /// Transitions held.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Transitions ever pushed.
    #[must_use]
    pub fn inserted(&self) -> u64 {
        self.end
    }

    /// The oldest segment of the log that is needed.
    #[must_use]
    pub fn oldest_segment(&self) -> Option<u32> {
        self.extents.iter().map(|(_, extent)| extent.segment()).min()
    }

    /// Draws `count` transitions uniformly with replacement and hands each to `take`, with its
    /// place in its chunk. Draws nothing from an empty ring.
    pub fn sample<R: Rng>(
        &self,
        count: usize,
        layout: ChunkLayout,
        rng: &mut R,
        mut take: impl FnMut(Transitions<'_>, usize),
    ) {
        if self.is_empty() {
            return;
        }
        for _ in 0..count {
            self.one(rng.random_range(self.numbers()), layout, &mut take);
        }
    }

    /// Numbers of the transitions held.
    #[must_use]
    pub fn numbers(&self) -> std::ops::Range<u64> {
        self.start()..self.end
    }

    /// Hands transition `number` to `take`, if it is held.
    pub fn one(
        &self,
        number: u64,
        layout: ChunkLayout,
        mut take: impl FnMut(Transitions<'_>, usize),
    ) {
        if let Some((at, _)) = self.find(number) {
            self.take(at, number, layout, &mut take);
        }
    }

    /// The chunk that transition `number` is in, and the number of its first transition.
    fn find(&self, number: u64) -> Option<(usize, u64)> {
        if !self.numbers().contains(&number) {
            return None;
        }
        let at = self.extents.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        Some((at, self.extents[at].0))
    }

    /// The chunk that transition `number` is in.
    #[must_use]
    pub fn meta(&self, number: u64) -> Option<&ChunkMeta> {
        self.find(number).map(|(at, _)| self.extents[at].1.meta())
    }

    /// Transitions before `number` that are held and of the same episode, or trial. (Trials enter
    /// whole and in order, so they lie side by side.)
    #[must_use]
    pub fn reach(&self, number: u64, within: Within) -> u64 {
        let Some((at, first)) = self.find(number) else {
            return 0;
        };
        let meta = self.extents[at].1.meta();
        let held = number - self.start();
        let before = match within {
            Within::Episode => u64::from(meta.offset()) + (number - first),
            Within::Trial => {
                let same = |(_, extent): &&(u64, Extent)| extent.meta().trial() == meta.trial();
                let chunks = self.extents.range(..=at).rev().take_while(same);
                chunks.last().map_or(0, |(oldest, _)| number - oldest)
            }
        };
        before.min(held)
    }

    /// Whether the episode of transition `number` ends with it.
    #[must_use]
    pub fn ends_episode(&self, number: u64) -> bool {
        self.find(number).is_some_and(|(at, first)| {
            let extent = &self.extents[at].1;
            extent.meta().ends_episode() && number + 1 == first + extent.len()
        })
    }

    /// Hands every transition to `take`, oldest first.
    pub fn each(&self, layout: ChunkLayout, mut take: impl FnMut(Transitions<'_>, usize)) {
        let start = self.start();
        for (at, (first, extent)) in self.extents.iter().enumerate() {
            for number in (*first).max(start)..first + extent.len() {
                self.take(at, number, layout, &mut take);
            }
        }
    }

    fn take(
        &self,
        at: usize,
        number: u64,
        layout: ChunkLayout,
        take: &mut impl FnMut(Transitions<'_>, usize),
    ) {
        let (first, extent) = &self.extents[at];
        // A place in a chunk is far below what usize can hold.
        if let (Some(transitions), Ok(i)) =
            (extent.transitions(layout), usize::try_from(number - first))
        {
            take(transitions, i);
        }
    }

    /// Replaces what lies in a segment before `segment` by what `moved` gives for it.
    ///
    /// # Errors
    /// That of `moved`; what was replaced before stays replaced.
    pub fn move_out<E>(
        &mut self,
        segment: u32,
        mut moved: impl FnMut(&Record) -> Result<Record, E>,
    ) -> Result<(), E> {
        for (_, extent) in &mut self.extents {
            if extent.segment() < segment {
                extent.record = moved(&extent.record)?;
            }
        }
        Ok(())
    }
}

/// The experience of one task.
#[derive(Debug)]
pub struct TaskReplay {
    /// All transitions, for the agent.
    pub transitions: Ring,
    /// Those that may be context, for the encoder. Holds as much as one trial collects for context,
    /// so that a new trial replaces the context of the one before, as PEARL clears its encoder
    /// buffer.
    pub context: Ring,
    /// What the encoder said of the transitions.
    pub labels: Labels,
}
