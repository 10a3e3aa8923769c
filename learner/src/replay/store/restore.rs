//! A store across restarts: what a checkpoint holds of it, how it is made again from that and the log
//! behind it, and which segments of the log may go.

use super::{Insertion, Store, StoreSettings};
use crate::collect::Intake as _;
use crate::experience::{self, ChunkLayout, Event, Kind, Log, Position, Record};
use crate::replay::labels::Labels;
use crate::replay::ledger::{Account, Admission, Ledger};
use crate::replay::ring::{Extent, Ring, RingPlaces, TaskReplay};
use crate::replay::staging::{Staging, StagingPlaces};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::Ordering;
use types::Incarnation;

/// What a checkpoint holds of a store: places in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What came later lies behind this.
    pub end: Position,
    accounts: Vec<(Incarnation, Account)>,
    staging: StagingPlaces,
    tasks: Vec<(RingPlaces, RingPlaces)>,
    stored: u64,
    inserted: u64,
    duplicated: u64,
    lag_sum: u64,
    newest: u64,
}

impl Snapshot {
    /// The oldest segment that is needed.
    #[must_use]
    pub fn oldest_segment(&self) -> u32 {
        let rings = self.tasks.iter().flat_map(|(all, context)| [all, context]);
        let places = rings.flat_map(|ring| &ring.places).chain(self.staging.positions());
        places.map(|place| place.segment).min().unwrap_or(u32::MAX).min(self.end.segment)
    }
}

impl Store {
    /// A store as it was at `snapshot` (empty without one), and then with what the log holds behind
    /// that. Gives the events among it, in order. `None` if the log has lost something that the
    /// snapshot needs.
    ///
    /// # Errors
    /// If the log cannot be opened.
    pub fn restore(
        settings: StoreSettings,
        snapshot: Option<&Snapshot>,
    ) -> Result<Option<(Self, Vec<Event>)>, experience::Error> {
        let layout = ChunkLayout::new(&settings.spec);
        let from = snapshot.map(|snapshot| snapshot.end);
        let (log, records) =
            Log::open(&settings.folder, layout.fingerprint(), settings.segment_bytes, from)?;
        let mut store = Self::empty(settings, log);
        if let Some(snapshot) = snapshot
            && store.adopt(snapshot).is_none()
        {
            return Ok(None);
        }
        let events = store.replay(records);
        Ok(Some((store, events)))
    }

    fn adopt(&mut self, snapshot: &Snapshot) -> Option<()> {
        let Self { settings, chunks, log, .. } = self;
        if snapshot.tasks.len() != settings.tasks || snapshot.end > log.end() {
            return None;
        }
        let ring = |capacity, places| Ring::restore(capacity, places, log, *chunks);
        let tasks = snapshot.tasks.iter().map(|(all, context)| {
            let transitions = ring(settings.transitions, all)?;
            let context = ring(settings.context, context)?;
            Some(Mutex::new(TaskReplay { transitions, context, labels: Labels::default() }))
        });
        let tasks = tasks.collect::<Option<Vec<_>>>()?;
        let staging =
            Staging::restore(&snapshot.staging, |place| Extent::of(log.record(place)?, *chunks))?;
        self.tasks = tasks;
        self.staging = Mutex::new(staging);
        self.ledger = Ledger::restore(&snapshot.accounts);
        self.stored = snapshot.stored.into();
        self.inserted = snapshot.inserted.into();
        self.duplicated = snapshot.duplicated.into();
        self.lag_sum = snapshot.lag_sum.into();
        self.newest = snapshot.newest.into();
        Some(())
    }

    fn replay(&self, records: Vec<Record>) -> Vec<Event> {
        let mut events = Vec::new();
        for record in records {
            match record.kind {
                Kind::Chunk => self.replay_chunk(record),
                Kind::Moved => {}
                Kind::Event => match serde_json::from_slice(record.body()) {
                    Ok(event) => {
                        self.replay_event(&event);
                        events.push(event);
                    }
                    Err(error) => tracing::warn!(%error, "passed over an event in the log"),
                },
            }
        }
        events
    }

    fn replay_chunk(&self, record: Record) {
        let Some(extent) = Extent::of(record, self.chunks) else {
            tracing::warn!("passed over a chunk in the log that is none");
            return;
        };
        let meta = *extent.meta();
        let take = || {
            self.take(extent);
            Ok::<_, std::convert::Infallible>(())
        };
        let Ok(admission) = self.ledger.admit(meta.origin(), meta.len().into(), take);
        if !matches!(admission, Admission::Stored(_)) {
            tracing::warn!(?admission, "passed over a chunk in the log");
        }
    }

    fn replay_event(&self, event: &Event) {
        let mut staging = self.staging.lock();
        match event {
            Event::Issued { trial, .. } => staging.know(trial),
            Event::Evaluating { trials, .. } => trials.iter().for_each(|trial| staging.know(trial)),
            Event::Closed { outcome, .. } => {
                if self.settings.insertion == Insertion::AtOnce {
                    staging.close(outcome.trial);
                }
            }
            Event::Published { version } => {
                self.newest.fetch_max(version.0, Ordering::AcqRel);
            }
        }
    }

    /// What a checkpoint needs. Nothing is stored meanwhile; it takes microseconds per thousand
    /// chunks.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let _alone = self.gate.write();
        let places = |task: &Mutex<TaskReplay>| {
            let task = task.lock();
            (task.transitions.places(), task.context.places())
        };
        Snapshot {
            end: self.log.end(),
            accounts: self.ledger.accounts(),
            staging: self.staging.lock().places(),
            tasks: self.tasks.iter().map(places).collect(),
            stored: self.stored(),
            inserted: self.inserted(),
            duplicated: self.duplicated(),
            lag_sum: self.lag_sum.load(Ordering::Relaxed),
            newest: self.newest().0,
        }
    }

    /// The oldest segment that the replay needs.
    #[must_use]
    pub fn oldest_segment(&self) -> u32 {
        let _alone = self.gate.write();
        let rings = self.tasks.iter().flat_map(|task| {
            let task = task.lock();
            [task.transitions.oldest_segment(), task.context.oldest_segment()]
        });
        let oldest = rings.chain([self.staging.lock().oldest_segment()]).flatten().min();
        oldest.unwrap_or(u32::MAX).min(self.log.end().segment)
    }

    /// Copies what the replay still needs of the segments before number `segment` to the end of the
    /// log, so that they can go: a task that is rarely visited must not keep everything.
    ///
    /// # Errors
    /// If the log cannot take it; the rest stays where it is.
    pub fn move_out(&self, segment: u32) -> Result<(), experience::Error> {
        let _shared = self.gate.read();
        for task in &self.tasks {
            let mut task = task.lock();
            let TaskReplay { transitions, context, .. } = &mut *task;
            let mut moved = BTreeMap::new();
            for ring in [transitions, context] {
                ring.move_out(segment, |record| match moved.entry(record.position()) {
                    Entry::Occupied(copy) => Ok::<_, experience::Error>(Record::clone(copy.get())),
                    Entry::Vacant(place) => Ok(place.insert(self.log.copy(record)?).clone()),
                })?;
            }
        }
        Ok(())
    }

    /// Bytes that the replay needs of the log.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        let stride = 4 * self.chunks.stride() as u64;
        let held = |task: &Mutex<TaskReplay>| {
            let task = task.lock();
            task.transitions.len() + task.context.len()
        };
        self.tasks.iter().map(|task| held(task) * stride).sum()
    }
}
