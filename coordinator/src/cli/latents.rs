//! `coordinator latents`.

use super::Failure;
use crate::latents::{self, Latents};
use crate::output;
use crate::replace::replace;
use anyhow::{Context as _, anyhow};
use clap::Args;
use std::path::{Path, PathBuf};
use types::TaskRef;

/// Options of `latents`.
///
/// Each evaluation of a run with `evaluation.latents` above 0 leaves its beliefs, q(z|context) at so
/// many moments of each episode, in `latents/<number>.safetensors`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator latents runs/latest                       the newest evaluation, by task and by cluster
  coordinator latents runs/latest --evaluation 3 -o third.svg
  coordinator latents runs/latest --over-time test-0    each dimension over the steps of one task

A run draws its evaluations as they come; record beliefs with --set evaluation.latents=20. In Python:
  safetensors.numpy.load_file(\"runs/latest/latents/3.safetensors\")[\"mean\"]
In TensorBoard: tensorboard --logdir runs/latest, tab Projector")]
pub(super) struct Draw {
    /// The run directory
    #[arg(value_name = "RUN_DIR")]
    run_dir: PathBuf,
    /// Which evaluation, by its number [default: the newest]
    #[arg(long, value_name = "N")]
    evaluation: Option<u64>,
    /// Draw the latent over the steps of this task's episodes, such as test-0, instead of the plane
    #[arg(long, value_name = "TASK")]
    over_time: Option<TaskRef>,
    /// Where the picture goes [default: latents/N.svg or latents/N-TASK.svg in the run directory]
    #[arg(short, long, value_name = "FILE.svg")]
    output: Option<PathBuf>,
}

impl Draw {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let number = self.number()?;
        let recorded = latents::path(&self.run_dir, number);
        let latents = latents::read(&recorded).map_err(Failure::run)?;
        let (svg, beside) = self.draw(&latents)?;
        let file = self.output.clone().unwrap_or_else(|| recorded.with_file_name(beside));
        replace(&file, svg.as_bytes())
            .with_context(|| format!("write {}", file.display()))
            .map_err(Failure::run)?;
        output::line(file.display());
        Ok(())
    }

    /// The picture, and its name in the folder of the run.
    fn draw(&self, latents: &Latents) -> Result<(String, String), Failure> {
        let number = latents.about.number;
        match self.over_time {
            None => {
                let svg = latents::picture(latents).map_err(Failure::run)?;
                Ok((svg, format!("{number}.svg")))
            }
            Some(task) => {
                let svg = latents::over_time(latents, task).map_err(Failure::usage)?;
                Ok((svg, format!("{number}-{task}.svg")))
            }
        }
    }

    /// The evaluation to draw, which is there.
    fn number(&self) -> Result<u64, Failure> {
        let numbers = numbers(&self.run_dir)?;
        let newest = numbers.last().copied();
        let newest = newest.ok_or_else(|| Failure::run(none_yet(&self.run_dir)))?;
        let wanted = self.evaluation.unwrap_or(newest);
        if numbers.contains(&wanted) {
            return Ok(wanted);
        }
        let there: Vec<String> = numbers.iter().map(u64::to_string).collect();
        Err(Failure::usage(anyhow!(
            "--evaluation: expected one whose beliefs are in {} ({}), got {wanted}",
            self.run_dir.join(latents::FOLDER).display(),
            there.join(", ")
        )))
    }
}

fn numbers(run_dir: &Path) -> Result<Vec<u64>, Failure> {
    if !run_dir.join("experiment.json").is_file() {
        return Err(Failure::usage(anyhow!(
            "{}: expected a run directory, found no experiment.json in it; runs are under \
             runs/<name>/, the newest is runs/latest",
            run_dir.display()
        )));
    }
    latents::numbers(run_dir)
        .with_context(|| format!("list {}", run_dir.join(latents::FOLDER).display()))
        .map_err(Failure::run)
}

fn none_yet(run_dir: &Path) -> anyhow::Error {
    anyhow!(
        "{}: expected beliefs of an evaluation, found none; a run records them when \
         evaluation.latents is above 0, from its first evaluation on",
        run_dir.join(latents::FOLDER).display()
    )
}
