//! `coordinator tasks rollout` and `render`.

use super::{Failure, classify};
use crate::cli::eval;
use crate::output;
use crate::programs;
use crate::view::text;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What to play.
#[derive(Debug, Args)]
struct Play {
    /// Name of the family; `coordinator tasks list` lists them
    family: String,
    /// Which task
    #[arg(long, value_name = "SPLIT-N", default_value = "train-0")]
    task: types::TaskRef,
    /// Decides everything random
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// How many episodes; the weights of a run adapt from one to the next
    #[arg(long, value_name = "N", default_value_t = 1)]
    episodes: u32,
    /// Who acts: `random`, `zero`, `oracle`, or a run directory for its newest weights
    #[arg(long, value_name = "POLICY", default_value = "random")]
    policy: PathBuf,
}

/// Options of `tasks rollout`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator tasks rollout cheetah-vel --task train-3 --seed 7
  coordinator tasks rollout point-robot --policy oracle --episodes 10
  coordinator tasks rollout cheetah-vel --policy runs/latest --episodes 3
  coordinator tasks rollout point-robot --json | jq -s 'map(.reward)'")]
pub(super) struct Rollout {
    #[command(flatten)]
    play: Play,
    /// Every step as a line of JSON
    #[arg(long)]
    json: bool,
}

/// Options of `tasks render`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator tasks render cheetah-dir --task train-1 -o cheetah.gif
  coordinator tasks render point-robot --policy oracle -o pictures/
  coordinator tasks render cheetah-vel --policy runs/latest --episodes 3 -o adapts.gif

MuJoCo draws with EGL or OSMesa. Where neither is installed, on Debian and Ubuntu:
`apt-get install libegl1 libgl1-mesa-dri`, or `apt-get install libosmesa6`.")]
pub(super) struct Render {
    #[command(flatten)]
    play: Play,
    /// A file that ends in .gif, or a folder for PNG pictures
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Pixels of a picture
    #[arg(long, value_name = "WxH", default_value = "480x360")]
    size: String,
    /// Steps from one picture to the next
    #[arg(long, value_name = "STEPS", default_value_t = 1)]
    every: u32,
    /// Pictures shown in a second, by a GIF
    #[arg(long, value_name = "N", default_value_t = 20)]
    per_second: u16,
}

/// Lines of `actor rollout` and `actor render`; more of a step is only passed on.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    Progress {
        episode: u32,
        step: u64,
        of: u64,
    },
    Start {},
    Step {},
    Episode {
        episode: u32,
        task: types::TaskRef,
        #[serde(rename = "return")]
        total: f64,
        length: u32,
        terminated: bool,
    },
    Pictures {
        path: PathBuf,
        count: u32,
    },
}

impl Rollout {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let mut arguments = self.play.arguments("rollout")?;
        if !self.json {
            return self.play.follow(&arguments);
        }
        arguments.push("--steps".into());
        let actor = programs::find("actor").map_err(classify)?;
        let pass_on = |line: serde_json::Value| output::line(line);
        programs::follow(&actor, &arguments, pass_on).map_err(classify)
    }
}

impl Render {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let mut arguments = self.play.arguments("render")?;
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        add("--output", self.output.clone().into());
        add("--size", self.size.clone().into());
        add("--every", self.every.to_string().into());
        add("--per-second", self.per_second.to_string().into());
        self.play.follow(&arguments)
    }
}

impl Play {
    /// The command line for `actor`.
    fn arguments(&self, command: &str) -> Result<Vec<OsString>, Failure> {
        let mut arguments: Vec<OsString> = vec![command.into(), self.family.clone().into()];
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        add("--task", self.task.to_string().into());
        add("--seed", self.seed.to_string().into());
        add("--episodes", self.episodes.to_string().into());
        match self.policy.to_str() {
            Some(who @ ("random" | "zero" | "oracle")) => add("--policy", who.into()),
            _ => {
                let (checkpoint, experiment) = weights(&self.policy)?;
                add("--checkpoint", checkpoint.into());
                add("--experiment", experiment.into());
            }
        }
        Ok(arguments)
    }

    /// Has `actor` do it and tells what comes of it, with a bar while it takes time.
    fn follow(&self, arguments: &[OsString]) -> Result<(), Failure> {
        let actor = programs::find("actor").map_err(classify)?;
        let bar = bar();
        let tell = |event: Event| self.tell(&event, &bar);
        let result = programs::follow(&actor, arguments, tell).map_err(classify);
        bar.finish_and_clear();
        result
    }

    fn tell(&self, event: &Event, bar: &ProgressBar) {
        match event {
            Event::Progress { episode, step, of } => {
                bar.set_length(u64::from(self.episodes) * of);
                bar.set_position(u64::from(*episode) * of + step);
            }
            Event::Start {} | Event::Step {} => {}
            Event::Episode { episode, task, total, length, terminated } => {
                let (task, number) = (task.to_string(), episode + 1);
                let (total, end) = (text::short(*total), if *terminated { "ended" } else { "cut" });
                bar.suspend(|| {
                    output::line(format!(
                        "{task:<10} episode {number:>3}  return {total:>9}  {length:>5} steps, {end}"
                    ));
                });
            }
            Event::Pictures { path, count } => bar.suspend(|| {
                output::line(format!("{}: {count} pictures", path.display()));
            }),
        }
    }
}

/// On standard error, if that is a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left");
    let bar = ProgressBar::new(0);
    bar.with_style(style.unwrap_or_else(|_invalid| ProgressStyle::default_bar()))
}

/// The newest weights of a run, and its experiment.
fn weights(run_dir: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let experiment = run_dir.join("experiment.json");
    if !experiment.is_file() {
        return Err(Failure::usage(anyhow::anyhow!(
            "--policy: expected random, zero, oracle or a run directory, got {}, which holds no \
             experiment.json; runs are under runs/<name>/, the newest is runs/latest",
            run_dir.display()
        )));
    }
    Ok((eval::newest(run_dir)?, experiment))
}
