//! Memoised variational Bayes: laps over batches, and moves between laps.

mod report;
mod rows;
mod memo;
mod look;
mod merge;
mod birth;
mod split;
mod delete;

use rand::Rng;

pub use report::{Entry, Report, Step, Tally};

use crate::prior::Prior;
use crate::statistics::Moments;
use crate::{Error, Mixture, Settings};
use look::{Sight, Watch, look};
use memo::Memo;
use rows::Rows;

/// After so many laps in a row that change next to nothing a fit ends. More than one, because births
/// are drawn at random.
const QUIET_LAPS: usize = 3;

/// Two bounds that differ by less than this part of them are the same but for rounding.
const ROUNDING: f64 = 1e-12;

/// Fits a mixture to `data`, `[rows, dim]` row by row, from the posterior of an earlier fit or from one
/// component.
///
/// The result is a function of the arguments and of what `rng` yields alone. Each step leaves the
/// evidence lower bound of all rows where it is or raises it.
///
/// # Errors
/// Settings out of range; dimension 0, rows that are not whole or fewer than batches, numbers that are
/// not finite; a start of another dimension or with more components than are allowed.
pub fn fit(
    data: &[f32],
    dim: usize,
    settings: &Settings,
    start: Option<&Mixture>,
    rng: &mut impl Rng,
) -> Result<(Mixture, Report), Error> {
    settings.check()?;
    let rows = Rows::new(data, dim, settings.batches, rng)?;
    let mut fit = Fit::start(rows, settings, start)?;
    fit.run(rng)?;
    let mixture = fit.posterior()?.moved(fit.rows.centre())?;
    Ok((mixture, fit.report))
}

/// The state of a fit. Posterior and bound follow from the statistics in `memo`.
#[derive(Debug)]
struct Fit<'a> {
    settings: &'a Settings,
    prior: Prior,
    rows: Rows,
    memo: Memo,
    /// Statistics of all rows.
    total: Vec<Moments>,
    /// The evidence lower bound of all rows, nats.
    bound: f64,
    report: Report,
}

impl<'a> Fit<'a> {
    fn start(rows: Rows, settings: &'a Settings, start: Option<&Mixture>) -> Result<Self, Error> {
        let away: Vec<f64> = rows.centre().iter().map(|c| -c).collect();
        let prior = Prior::new(settings, away.clone());
        let posterior = match start {
            Some(start) => {
                check_start(start, rows.dim(), settings.most_components)?;
                start.clone().moved(&away)?
            }
            None => prior.posterior(&Moments::zeros(1, rows.dim()))?,
        };
        let memo = look_at_all(&rows, &posterior);
        let total = memo.total();
        let bound = prior.bound(&total);
        let report = Report {
            trace: Vec::new(),
            laps: 0,
            converged: false,
            births: Tally::default(),
            merges: Tally::default(),
            deletes: Tally::default(),
            shuffles: Tally::default(),
        };
        let mut fit = Self { settings, prior, rows, memo, total, bound, report };
        fit.record(Step::Start);
        Ok(fit)
    }

    fn run(&mut self, rng: &mut impl Rng) -> Result<(), Error> {
        let mut quiet = 0;
        while quiet < QUIET_LAPS && self.report.laps < self.settings.laps {
            self.report.laps += 1;
            let (bound, accepted) = (self.bound, self.accepted());
            self.lap(rng)?;
            let rise = self.bound - bound;
            let is_quiet =
                self.accepted() == accepted && rise <= self.settings.tolerance * bound.abs();
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
        self.report.converged = quiet == QUIET_LAPS;
        Ok(())
    }

    fn lap(&mut self, rng: &mut impl Rng) -> Result<(), Error> {
        let mut watch = self.watch();
        let sights = self.visit_batches(&watch)?;
        // Both need what was seen of the statistics as they are: nothing may come between.
        self.merge(&mut watch, &sights);
        self.give_birth(&watch, &sights, rng)?;
        if self.settings.moves.delete {
            self.delete()?;
        }
        if self.settings.moves.shuffle {
            self.shuffle();
        }
        Ok(())
    }

    fn watch(&self) -> Watch {
        let moves = self.settings.moves;
        let pairs = if moves.merge { self.pairs_to_merge() } else { Vec::new() };
        let targets = if moves.birth { self.birth_targets() } else { Vec::new() };
        Watch {
            pairs: pairs.into_iter().map(Some).collect(),
            targets: targets.into_iter().map(Some).collect(),
        }
    }

    /// For each batch the local step, and then the global one.
    fn visit_batches(&mut self, watch: &Watch) -> Result<Vec<Sight>, Error> {
        let mut sights = Vec::with_capacity(self.rows.batches().len());
        for batch in 0..self.rows.batches().len() {
            let posterior = self.posterior()?;
            let range = self.rows.batches()[batch].clone();
            let (moments, sight) = look(&self.rows, range, posterior.expectations(), watch);
            self.memo.replace(batch, moments);
            self.remember(Step::Visit { batch });
            sights.push(sight);
        }
        Ok(sights)
    }

    /// Components in order of size, if that raises the bound.
    fn shuffle(&mut self) {
        let mut order: Vec<usize> = (0..self.total.len()).collect();
        order.sort_by(|&a, &b| self.total[b].count.total_cmp(&self.total[a].count));
        if order.is_sorted() {
            return;
        }
        let ordered: Vec<Moments> = order.iter().map(|&k| self.total[k].clone()).collect();
        let accepted = rises(self.prior.bound(&ordered), self.bound);
        self.report.shuffles.count(accepted);
        if accepted {
            self.memo.reorder(&order);
            self.remember(Step::Shuffle);
        }
    }

    fn posterior(&self) -> Result<Mixture, Error> {
        self.prior.posterior(&self.total)
    }

    /// `memo` has changed: what follows from it, and an entry in the trace.
    fn remember(&mut self, step: Step) {
        self.total = self.memo.total();
        self.bound = self.prior.bound(&self.total);
        self.record(step);
    }

    fn record(&mut self, step: Step) {
        let (lap, bound, components) = (self.report.laps, self.bound, self.total.len());
        self.report.trace.push(Entry { lap, step, bound, components });
    }

    fn accepted(&self) -> usize {
        let Report { births, merges, deletes, shuffles, .. } = &self.report;
        births.accepted + merges.accepted + deletes.accepted + shuffles.accepted
    }
}

/// The statistics of all batches under one posterior.
fn look_at_all(rows: &Rows, posterior: &Mixture) -> Memo {
    let nothing = Watch::default();
    let statistics = |batch: &std::ops::Range<usize>| {
        look(rows, batch.clone(), posterior.expectations(), &nothing).0
    };
    Memo::new(rows.batches().iter().map(statistics).collect())
}

fn check_start(start: &Mixture, dim: usize, most_components: usize) -> Result<(), Error> {
    if start.dimension() != dim {
        let what = "a start with rows";
        return Err(Error::Size { what, expected: dim, got: start.dimension() });
    }
    if start.components() > most_components {
        let got = start.components();
        return Err(Error::StartTooLarge { expected: most_components, got });
    }
    Ok(())
}

/// `new` is a higher bound than `old`, by more than rounding.
fn rises(new: f64, old: f64) -> bool {
    new - old > ROUNDING * old.abs()
}

/// `new` is no lower bound than `old` but for rounding. For moves that take a component away: of two
/// equal explanations the one with fewer components stays.
fn holds(new: f64, old: f64) -> bool {
    new - old >= -ROUNDING * old.abs()
}
