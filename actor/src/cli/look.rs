//! `actor show|rollout|render`: looking at tasks.

use super::{print, read, read_experiment};
use actor::look::{Detail, Error, Film, Output, Pictures, Policy, Reporter, Stage, Trained, show};
use clap::{Args, ValueEnum};
use envs::TaskFamily;
use std::io::Stdout;
use std::path::PathBuf;
use types::{Experiment, Task, TaskRef};

/// What to play.
#[derive(Debug, Args)]
struct Play {
    /// Name of the family; `actor families` lists them
    family: String,
    /// Which task
    #[arg(long, value_name = "SPLIT-N", default_value = "train-0")]
    task: TaskRef,
    /// Decides everything random
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// How many episodes; weights of a run adapt from one to the next
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    episodes: u32,
    /// Who acts
    #[arg(long, value_enum, default_value = "random", conflicts_with = "checkpoint")]
    policy: Who,
    /// Act with these weights, as the learner publishes and keeps them
    #[arg(long, value_name = "FILE", requires = "experiment")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    setting: Setting,
}

/// What a family is played in.
#[derive(Debug, Args)]
struct Setting {
    /// The family as this experiment has it, with all that is put around it: JSON, or TOML if the
    /// name ends in .toml. For weights, the effective experiment of their run
    #[arg(long, value_name = "FILE")]
    experiment: Option<PathBuf>,
}

impl Setting {
    fn experiment(&self) -> anyhow::Result<Option<Experiment>> {
        self.experiment.as_deref().map(read_experiment).transpose()
    }
}

/// The family called `name`, with what `experiment` puts around it: tasks that change, parameters
/// that are seen.
fn family(name: &str, experiment: Option<&Experiment>) -> anyhow::Result<Box<dyn TaskFamily>> {
    let Some(Experiment { environment, .. }) = experiment else {
        return Ok(Box::new(envs::find(name).map_err(Error::from)?));
    };
    if environment.family != name {
        let (family, expected) = (name.to_owned(), environment.family.clone());
        return Err(Error::OtherFamily { family, expected }.into());
    }
    Ok(envs::build(environment).map_err(Error::from)?)
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Who {
    /// Uniformly random actions
    Random,
    /// All numbers of an action are 0
    Zero,
    /// The best that can be done, where that can be written down
    Oracle,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Name of the family; `actor families` lists them
    family: String,
    #[command(flatten)]
    setting: Setting,
}

/// Options of `rollout`.
#[derive(Debug, Args)]
pub(super) struct Rollout {
    #[command(flatten)]
    play: Play,
    /// Tell of every step
    #[arg(long)]
    steps: bool,
}

/// Options of `render`.
#[derive(Debug, Args)]
pub(super) struct Render {
    #[command(flatten)]
    play: Play,
    /// A file that ends in .gif, or a folder for PNG pictures
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Pixels of a picture
    #[arg(long, value_name = "WxH", default_value = "480x360", value_parser = size)]
    size: (u16, u16),
    /// Steps from one picture to the next
    #[arg(long, value_name = "STEPS", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Pictures shown in a second, by a GIF
    #[arg(long, value_name = "N", default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=50))]
    per_second: u16,
}

/// `480x360`
fn size(text: &str) -> Result<(u16, u16), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (64..=2048).contains(side));
    let sides = text.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?)));
    sides.ok_or_else(|| "expected a size from 64x64 to 2048x2048, such as 480x360".to_owned())
}

impl Show {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let family = family(&self.family, self.setting.experiment()?.as_ref())?;
        print(&show(&family).map_err(Error::from)?)
    }
}

impl Rollout {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let detail = if self.steps { Detail::Steps } else { Detail::Episodes };
        let (mut stage, _) = self.play.stage()?;
        let mut reporter = reporter(detail);
        for episode in 0..self.play.episodes {
            stage.play(episode, &mut reporter)?;
        }
        Ok(())
    }
}

impl Render {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let (width, height) = self.size;
        let pictures = Pictures { width, height, every: self.every, per_second: self.per_second };
        let (mut stage, family) = self.play.stage()?;
        let output = Output::open(&self.output, pictures)?;
        let mut film = Film::new(family.as_ref(), pictures, output, reporter(Detail::Episodes));
        for episode in 0..self.play.episodes {
            stage.play(episode, &mut film)?;
        }
        Ok(film.finish()?)
    }
}

fn reporter(detail: Detail) -> Reporter<Stdout> {
    Reporter::new(std::io::stdout(), detail)
}

impl Play {
    /// The stage, and the family on it.
    fn stage(&self) -> anyhow::Result<(Stage, Box<dyn TaskFamily>)> {
        let experiment = self.setting.experiment()?;
        let family = family(&self.family, experiment.as_ref())?;
        let weights =
            self.checkpoint.as_deref().map(|path| read("checkpoint", path)).transpose()?;
        let policy = |task: &Task| match (&experiment, &weights) {
            (Some(experiment), Some(weights)) => {
                let trained = Trained::load(&family, experiment, weights)?;
                Ok(Policy::Trained(Box::new(trained)))
            }
            _ => self.who(&family, task),
        };
        let stage = Stage::new(&family, self.task, policy, self.seed)?;
        Ok((stage, family))
    }

    fn who(&self, family: &dyn TaskFamily, task: &Task) -> Result<Policy, Error> {
        match self.policy {
            Who::Random => Ok(Policy::random()),
            Who::Zero => Ok(Policy::Zero),
            Who::Oracle => Policy::oracle(family, task),
        }
    }
}
