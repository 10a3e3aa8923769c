//! What happens in the episodes of one task, one behind the other.

use crate::latents::{Error, Latents, Moment};
use std::ops::Range;
use types::TaskRef;

/// The episodes of one task, laid end to end.
pub(super) struct Story<'a> {
    pub(super) task: TaskRef,
    pub(super) episodes: Vec<Episode<'a>>,
    pub(super) reigns: Vec<Reign>,
    /// Steps of all episodes together, at least 1.
    pub(super) end: f64,
    /// What the vertical axis must hold.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Above this there is the stripe of the tasks in force.
    pub(super) stripe: f64,
}

/// One episode.
pub(super) struct Episode<'a> {
    /// Steps of the episodes before it.
    pub(super) offset: f64,
    /// At least one.
    pub(super) moments: &'a [Moment],
    /// Where the first of them stands among all.
    first: usize,
}

/// A stretch of one episode with one task in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reign {
    pub(super) from: f64,
    pub(super) to: f64,
    /// A moment of it, by its position among all.
    pub(super) at: usize,
    /// It follows upon another one in the same episode.
    pub(super) begins_within: bool,
}

impl<'a> Story<'a> {
    pub(super) fn of(latents: &'a Latents, task: TaskRef) -> Result<Self, Error> {
        let episodes = episodes(latents, task);
        let Some(last) = episodes.last() else {
            return Err(Error::NoSuchTask {
                number: latents.about.number,
                task,
                tasks: latents.tasks().iter().map(TaskRef::to_string).collect(),
            });
        };
        let end = last.end().max(1.0);
        let Range { start: low, end: top } = values(&episodes);
        let room = ((top - low) * 0.05).max(1e-3);
        let (stripe, high) = (top + room, top + 2.0 * room);
        let reigns = episodes.iter().flat_map(Episode::reigns).collect();
        Ok(Self { task, episodes, reigns, end, low: low - room, high, stripe })
    }

    /// Where one episode ends and the next begins.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = f64> {
        self.episodes.iter().skip(1).map(|episode| episode.offset)
    }
}

/// Moments are ordered by task, episode and step.
fn episodes(latents: &Latents, task: TaskRef) -> Vec<Episode<'_>> {
    let mut episodes: Vec<Episode<'_>> = Vec::new();
    let mut first = 0;
    for moments in latents.moments.chunk_by(|a, b| (a.task, a.episode) == (b.task, b.episode)) {
        if moments[0].task == task {
            let offset = episodes.last().map_or(0.0, Episode::end);
            episodes.push(Episode { offset, moments, first });
        }
        first += moments.len();
    }
    episodes
}

impl Episode<'_> {
    fn end(&self) -> f64 {
        self.offset + self.moments.last().map_or(0.0, |moment| f64::from(moment.step))
    }

    fn reigns(&self) -> Vec<Reign> {
        let mut reigns: Vec<Reign> = Vec::new();
        let mut at = 0;
        for stretch in self.moments.chunk_by(|a, b| a.in_force == b.in_force) {
            let begins_within = at > 0;
            let from = match begins_within {
                true => self.offset + f64::from(stretch[0].step),
                false => self.offset,
            };
            if let Some(before) = reigns.last_mut() {
                before.to = from;
            }
            reigns.push(Reign { from, to: self.end(), at: self.first + at, begins_within });
            at += stretch.len();
        }
        reigns
    }
}

/// From the least to the greatest mean, with a standard deviation to either side.
fn values(episodes: &[Episode<'_>]) -> Range<f64> {
    let mut range = f64::INFINITY..f64::NEG_INFINITY;
    for moment in episodes.iter().flat_map(|episode| episode.moments) {
        for (mean, variance) in moment.mean.iter().zip(&moment.variance) {
            let deviation = f64::from(*variance).max(0.0).sqrt();
            range.start = range.start.min(f64::from(*mean) - deviation);
            range.end = range.end.max(f64::from(*mean) + deviation);
        }
    }
    range
}
