//! Learning curves of runs. Runs of one experiment become one curve with a band over seeds.

mod draw;

pub use draw::draw;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use types::{FamilySpec, ReferenceReturns};

/// A plot that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a run directory.
    #[error("{}: expected a run directory, could not read {file} in it: {source}", run.display())]
    NoRun {
        /// The directory.
        run: PathBuf,
        /// The file that is missing.
        file: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{}: expected {expected}, got {got}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// Nothing to draw.
    #[error("{}: expected at least one evaluation, found none yet; see evaluation.every_env_steps", run.display())]
    NoEvaluation {
        /// The directory.
        run: PathBuf,
    },
    /// The picture cannot be drawn or written.
    #[error("draw {}: {reason}", file.display())]
    Draw {
        /// Where it should go.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Returns at a number of environment steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Training transitions so far.
    pub env_steps: f64,
    /// Average return on training tasks after adaptation.
    pub train: Option<f64>,
    /// Average return on test tasks after adaptation.
    pub test: Option<f64>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of its experiment.
    pub experiment: String,
    /// Its evaluations in order.
    pub points: Vec<Point>,
    /// Yardsticks of its family.
    pub reference: Option<ReferenceReturns>,
}

/// Over the runs of one experiment, at a number of environment steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Training transitions so far.
    pub env_steps: f64,
    /// Average over the runs.
    pub mean: f64,
    /// Smallest.
    pub low: f64,
    /// Largest.
    pub high: f64,
}

/// Runs of one experiment, put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Name of the experiment.
    pub experiment: String,
    /// How many runs.
    pub runs: usize,
    /// Return on training tasks.
    pub train: Vec<Spread>,
    /// Return on test tasks.
    pub test: Vec<Spread>,
}

/// Reads the evaluations of a run.
///
/// # Errors
/// [`Error`] if the directory holds no run, or one without evaluations.
pub fn read(run: &Path) -> Result<Run, Error> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let text = |file: &'static str| {
        std::fs::read_to_string(run.join(file)).map_err(|source| Error::NoRun {
            run: run.to_owned(),
            file,
            source,
        })
    };
    let named: Named =
        serde_json::from_str(&text("experiment.json")?).map_err(|error| Error::Content {
            file: run.join("experiment.json"),
            expected: "an experiment",
            got: error.to_string(),
        })?;
    let family: Option<FamilySpec> =
        text("family.json").ok().and_then(|text| serde_json::from_str(&text).ok());
    let points = parse(&text("progress.csv")?).map_err(|got| Error::Content {
        file: run.join("progress.csv"),
        expected: "a table with the columns env_steps, train_return, test_return",
        got,
    })?;
    if points.is_empty() {
        return Err(Error::NoEvaluation { run: run.to_owned() });
    }
    Ok(Run {
        experiment: named.name,
        points,
        reference: family.and_then(|family| family.reference),
    })
}

/// The rows with a return.
fn parse(table: &str) -> Result<Vec<Point>, String> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        let found = header.iter().position(|column| *column == name);
        found.ok_or_else(|| format!("no column {name}"))
    };
    let (steps, train, test) =
        (column("env_steps")?, column("train_return")?, column("test_return")?);
    let point = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells.get(at)?.parse::<f64>().ok().filter(|v| v.is_finite());
        let point = Point { env_steps: number(steps)?, train: number(train), test: number(test) };
        (point.train.is_some() || point.test.is_some()).then_some(point)
    };
    Ok(lines.filter_map(point).collect())
}

/// Puts runs of one experiment together.
#[must_use]
pub fn group(runs: &[Run]) -> Vec<Group> {
    let mut by_name: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_name.entry(&run.experiment).or_default().push(run);
    }
    let curves = |runs: &[&Run], value: fn(&Point) -> Option<f64>| {
        let curve = |run: &&Run| {
            let points = run.points.iter();
            points.filter_map(|p| Some((p.env_steps, value(p)?))).collect()
        };
        spread(&runs.iter().map(curve).collect::<Vec<_>>())
    };
    by_name
        .into_iter()
        .map(|(name, runs)| Group {
            experiment: name.to_owned(),
            runs: runs.len(),
            train: curves(&runs, |point| point.train),
            test: curves(&runs, |point| point.test),
        })
        .collect()
}

/// Mean, smallest and largest at every number of steps at which any run was evaluated; other runs
/// are interpolated there, and left out where they have not begun or are over.
fn spread(curves: &[Vec<(f64, f64)>]) -> Vec<Spread> {
    let mut steps: Vec<f64> = curves.iter().flatten().map(|(at, _)| *at).collect();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    let at = |env_steps: f64| {
        let values: Vec<f64> =
            curves.iter().filter_map(|curve| interpolate(curve, env_steps)).collect();
        let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
        Spread {
            env_steps,
            mean: values.iter().sum::<f64>() / count,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    };
    steps.into_iter().map(at).collect()
}

fn interpolate(curve: &[(f64, f64)], at: f64) -> Option<f64> {
    let after = curve.iter().position(|(x, _)| *x >= at)?;
    let (x1, y1) = *curve.get(after)?;
    if x1 == at {
        return Some(y1);
    }
    let (x0, y0) = *curve.get(after.checked_sub(1)?)?;
    Some(y0 + (y1 - y0) * (at - x0) / (x1 - x0))
}

#[cfg(test)]
pub(crate) mod tests;
