//! `coordinator plot`.

use super::Failure;
use crate::output;
use crate::plot;
use clap::Args;
use std::path::PathBuf;

/// Options of `plot`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator plot runs/latest                            into runs/latest/curve.svg
  coordinator plot runs/pearl-cheetah-vel/* -o curve.svg  a band over seeds
  coordinator plot runs/a/* runs/b/* -o compare.svg       two experiments in one picture")]
pub(super) struct Plot {
    /// Run directories
    #[arg(value_name = "RUN_DIR", required = true)]
    runs: Vec<PathBuf>,
    /// Where the picture goes [default: curve.svg, in the run directory if there is one]
    #[arg(short, long, value_name = "FILE.svg")]
    output: Option<PathBuf>,
}

impl Plot {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let runs = self.read()?;
        // Yardsticks only where they are the same for all.
        let reference = runs.first().and_then(|run| run.reference);
        let shared = runs.iter().all(|run| run.reference == reference);
        let reference = reference.filter(|_| shared);
        let file = match (&self.output, self.runs.as_slice()) {
            (Some(file), _) => file.clone(),
            (None, [only]) => only.join("curve.svg"),
            (None, _) => PathBuf::from("curve.svg"),
        };
        plot::draw(&plot::group(&runs), reference.as_ref(), &file).map_err(Failure::run)?;
        output::line(file.display());
        Ok(())
    }

    /// The runs that can be drawn. One without an evaluation is left out if there are others: a
    /// pattern such as `runs/a/*` finds runs that have only begun, too.
    fn read(&self) -> Result<Vec<plot::Run>, Failure> {
        let mut runs = Vec::new();
        let mut empty = None;
        for path in &self.runs {
            match plot::read(path) {
                Ok(run) => runs.push(run),
                Err(error @ plot::Error::NoEvaluation { .. }) => {
                    empty.get_or_insert(error);
                }
                Err(error) => return Err(Failure::run(error)),
            }
        }
        match empty {
            Some(error) if runs.is_empty() => Err(Failure::run(error)),
            Some(error) => {
                super::complain(&format!("left out: {error}"));
                Ok(runs)
            }
            None => Ok(runs),
        }
    }
}
