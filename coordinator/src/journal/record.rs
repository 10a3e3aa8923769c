//! What is written down: one record per decision, and a snapshot of all that the records before it
//! came to. Protobuf, framed with length and checksum.

use prost::{Message, Oneof};
use proto::v1;

/// One record.
#[derive(Clone, PartialEq, Message)]
pub struct Record {
    /// What it says; absent in a record of a later release.
    #[prost(oneof = "Entry", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17")]
    pub entry: Option<Entry>,
}

/// A decision, or something learned, that a coordinator which is started again must know.
#[derive(Clone, PartialEq, Oneof)]
pub enum Entry {
    /// Everything so far; the first record of a file.
    #[prost(message, tag = "1")]
    Snapshot(Box<Snapshot>),
    /// A life of an actor began, and ended that of whoever was in its place.
    #[prost(message, tag = "2")]
    Born(Life),
    /// A life ended; with its last counts.
    #[prost(message, tag = "3")]
    Ended(Life),
    /// Trials were leased to a life.
    #[prost(message, tag = "4")]
    Leased(Held),
    /// A life holds these and no others.
    #[prost(message, tag = "5")]
    Holds(Held),
    /// Trials were asked for.
    #[prost(message, tag = "6")]
    Submitted(Work),
    /// Likewise, though some may be done.
    #[prost(message, tag = "7")]
    Recollected(Work),
    /// Outcomes were taken.
    #[prost(message, tag = "8")]
    Reported(Outcomes),
    /// The learner has all outcomes before this position.
    #[prost(uint64, tag = "9")]
    Confirmed(u64),
    /// A process became the learner.
    #[prost(message, tag = "10")]
    Seated(Learner),
    /// The learner's process has ended.
    #[prost(message, tag = "11")]
    Unseated(Unseated),
    /// An evaluation came.
    #[prost(message, tag = "12")]
    Evaluated(v1::Evaluation),
    /// It is in the files of the run.
    #[prost(uint64, tag = "13")]
    Recorded(u64),
    /// The newest weights.
    #[prost(uint64, tag = "14")]
    Version(u64),
    /// Seconds that the run has lasted.
    #[prost(double, tag = "15")]
    Wall(f64),
    /// The learner has written down all outcomes before this position.
    #[prost(uint64, tag = "16")]
    WrittenDown(u64),
    /// The list of outcomes went on at this position, without what it held.
    #[prost(uint64, tag = "17")]
    Realigned(u64),
}

/// A life of an actor.
#[derive(Clone, PartialEq, Message)]
pub struct Life {
    /// Its name.
    #[prost(message, optional, tag = "1")]
    pub key: Option<v1::ActorKey>,
    /// Where it runs.
    #[prost(string, tag = "2")]
    pub host: String,
    /// Its process there.
    #[prost(uint32, tag = "3")]
    pub pid: u32,
    /// Its counters.
    #[prost(message, optional, tag = "4")]
    pub stats: Option<v1::ActorStats>,
    /// Whether it was told to leave before its last heartbeat.
    #[prost(bool, tag = "5")]
    pub told_to_leave: bool,
    /// Transitions that the learner has stored from it.
    #[prost(uint64, tag = "6")]
    pub stored: u64,
}

/// Trials and who holds them.
#[derive(Clone, PartialEq, Message)]
pub struct Held {
    /// The life.
    #[prost(message, optional, tag = "1")]
    pub by: Option<v1::ActorKey>,
    /// Ids of the trials.
    #[prost(uint64, repeated, tag = "2")]
    pub trials: Vec<u64>,
}

/// Trials.
#[derive(Clone, PartialEq, Message)]
pub struct Work {
    /// In the order in which they came.
    #[prost(message, repeated, tag = "1")]
    pub trials: Vec<v1::Trial>,
}

/// Outcomes and who reported them.
#[derive(Clone, PartialEq, Message)]
pub struct Outcomes {
    /// The life.
    #[prost(message, optional, tag = "1")]
    pub by: Option<v1::ActorKey>,
    /// In the order in which they count.
    #[prost(message, repeated, tag = "2")]
    pub outcomes: Vec<v1::TrialOutcome>,
}

/// The learner.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Learner {
    /// `host:port` of its services.
    #[prost(string, tag = "1")]
    pub address: String,
    /// Where it runs.
    #[prost(string, tag = "2")]
    pub host: String,
    /// Its process there.
    #[prost(uint32, tag = "3")]
    pub pid: u32,
    /// Which life of the learner it is.
    #[prost(uint64, tag = "4")]
    pub life: u64,
}

/// The end of the learner's process.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Unseated {
    /// Its process.
    #[prost(uint32, tag = "1")]
    pub pid: u32,
    /// How it ended.
    #[prost(string, tag = "2")]
    pub why: String,
}

/// Everything.
#[derive(Clone, PartialEq, Message)]
pub struct Snapshot {
    /// Incarnations given out.
    #[prost(uint64, tag = "1")]
    pub incarnations: u64,
    /// Lives that go on.
    #[prost(message, repeated, tag = "2")]
    pub alive: Vec<Life>,
    /// Lives that are over and remembered.
    #[prost(message, repeated, tag = "3")]
    pub ended: Vec<Life>,
    /// Sums over those that are forgotten.
    #[prost(message, optional, tag = "4")]
    pub forgotten: Option<Totals>,
    /// Trials that are not done, in the order in which they were asked for.
    #[prost(message, repeated, tag = "5")]
    pub open: Vec<OpenTrial>,
    /// Trials asked for.
    #[prost(uint64, tag = "6")]
    pub submitted: u64,
    /// First and last id of each range of trials that are done.
    #[prost(uint64, repeated, tag = "7")]
    pub done: Vec<u64>,
    /// Trials done, failed, released.
    #[prost(message, optional, tag = "8")]
    pub counts: Option<Counts>,
    /// Position of the first outcome that is kept.
    #[prost(uint64, tag = "9")]
    pub first_outcome: u64,
    /// Those kept.
    #[prost(message, repeated, tag = "10")]
    pub outcomes: Vec<v1::TrialOutcome>,
    /// Position up to which the learner had been given outcomes.
    #[prost(uint64, tag = "11")]
    pub delivered: u64,
    /// The learner, if there is one.
    #[prost(message, optional, tag = "12")]
    pub learner: Option<Learner>,
    /// Lives of the learner so far.
    #[prost(uint64, tag = "13")]
    pub learner_lives: u64,
    /// First and last number of each range of evaluations that have come.
    #[prost(uint64, repeated, tag = "14")]
    pub evaluations: Vec<u64>,
    /// The newest of them.
    #[prost(message, optional, tag = "15")]
    pub newest_evaluation: Option<v1::Evaluation>,
    /// Those that are not in the files of the run yet.
    #[prost(message, repeated, tag = "16")]
    pub unrecorded: Vec<v1::Evaluation>,
    /// The newest weights.
    #[prost(uint64, tag = "17")]
    pub version: u64,
    /// Seconds that the run has lasted.
    #[prost(double, tag = "18")]
    pub wall_s: f64,
    /// Failures by task.
    #[prost(message, repeated, tag = "19")]
    pub quarantined: Vec<v1::Quarantined>,
}

/// A trial that is not done.
#[derive(Clone, PartialEq, Message)]
pub struct OpenTrial {
    /// The trial.
    #[prost(message, optional, tag = "1")]
    pub trial: Option<v1::Trial>,
    /// Its place in the queue.
    #[prost(uint64, tag = "2")]
    pub place: u64,
    /// Who holds it.
    #[prost(message, optional, tag = "3")]
    pub owner: Option<v1::ActorKey>,
    /// Whether it was done before.
    #[prost(bool, tag = "4")]
    pub again: bool,
}

/// Counts of trials.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Counts {
    /// Reported.
    #[prost(uint64, tag = "1")]
    pub done: u64,
    /// Of these, given up.
    #[prost(uint64, tag = "2")]
    pub failed: u64,
    /// Taken back.
    #[prost(uint64, tag = "3")]
    pub released: u64,
}

/// Sums over lives.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Totals {
    /// Transitions acknowledged.
    #[prost(uint64, tag = "1")]
    pub acknowledged: u64,
    /// Seconds without a lease.
    #[prost(double, tag = "2")]
    pub waited_lease_s: f64,
    /// Seconds with a full spool.
    #[prost(double, tag = "3")]
    pub waited_upload_s: f64,
    /// Seconds without weights.
    #[prost(double, tag = "4")]
    pub waited_weights_s: f64,
}

impl Entry {
    /// Whether whoever asked for it may rely on it even if the machine ends: an incarnation must
    /// never be given out twice, and one that was given out may live on another machine.
    #[must_use]
    pub fn outlives_machine(&self) -> bool {
        matches!(self, Self::Born(_) | Self::Seated(_))
    }

    /// Whether it may be left out while nothing can be written: the next one says as much.
    #[must_use]
    pub fn is_replaceable(&self) -> bool {
        matches!(self, Self::Wall(_) | Self::Version(_))
    }
}

/// Longest record that is believed.
const LONGEST: u32 = 1 << 30;

/// Appends a frame to `bytes`: length, checksum, record.
pub fn frame(entry: Entry, bytes: &mut Vec<u8>) {
    let record = Record { entry: Some(entry) }.encode_to_vec();
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&record).to_le_bytes());
    bytes.extend_from_slice(&record);
}

/// The records at the start of `bytes`, and how many bytes they take. What follows is no record: a
/// write that was cut short, or damage.
#[must_use]
pub fn read(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some((record, length)) = first(&bytes[at..]) {
        entries.extend(record.entry);
        at += length;
    }
    (entries, at)
}

fn first(bytes: &[u8]) -> Option<(Record, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if length == 0 || length > LONGEST {
        return None;
    }
    let record = rest.get(..length as usize)?;
    let good = crc32c::crc32c(record) == u32::from_le_bytes(*checksum);
    let record = Record::decode(record).ok().filter(|_| good)?;
    Some((record, 8 + length as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_whole_is_read_and_what_is_torn_or_damaged_ends_it(
            numbers in proptest::collection::vec(any::<u64>(), 1..20),
            cut in any::<prop::sample::Index>(), damage in any::<Option<prop::sample::Index>>(),
        ) {
            let mut bytes = Vec::new();
            let mut ends = Vec::new();
            for number in &numbers {
                frame(Entry::Recorded(*number), &mut bytes);
                ends.push(bytes.len());
            }
            let mut length = cut.index(bytes.len() + 1);
            bytes.truncate(length);
            if let Some(at) = damage.filter(|_| length > 0).map(|at| at.index(length)) {
                bytes[at] ^= 1;
                length = at;
            }
            let whole = ends.iter().filter(|end| **end <= length).count();
            let (entries, read) = read(&bytes);
            let expected: Vec<Entry> = numbers[..whole].iter().copied().map(Entry::Recorded).collect();
            prop_assert_eq!(entries, expected);
            prop_assert_eq!(read, ends[..whole].last().copied().unwrap_or(0));
        }
    }
}
