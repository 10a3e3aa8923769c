//! Progress while a run lasts: bars on a terminal, a line now and then elsewhere.

use super::text;
use crate::output;
use crate::scores::Scores;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use proto::v1::{Evaluation, StatusReply};
use std::io::IsTerminal as _;
use std::time::Duration;

/// Between two lines when standard output is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Redraws per second at most.
const REDRAWS: u8 = 4;

/// Shows a run.
#[derive(Debug)]
pub struct View {
    mode: Mode,
    scores: Option<Scores>,
}

#[derive(Debug)]
enum Mode {
    Bars(Bars),
    Lines { last: Option<Duration> },
    Silent,
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    steps: ProgressBar,
    rest: [ProgressBar; 4],
}

impl View {
    /// Bars if standard output is a terminal, else lines.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let mode = match Bars::new(budget).ok().filter(|_| terminal) {
            Some(bars) => Mode::Bars(bars),
            None => Mode::Lines { last: None },
        };
        Self { mode, scores: None }
    }

    /// Shows nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self { mode: Mode::Silent, scores: None }
    }

    /// The run goes on.
    pub fn tick(&mut self, status: &StatusReply) {
        match &mut self.mode {
            Mode::Silent => {}
            Mode::Bars(bars) => bars.show(status, self.scores.as_ref()),
            Mode::Lines { last } => {
                let now = Duration::from_secs_f64(status.uptime_s.max(0.0));
                if last.is_none_or(|last| now >= last + LINE_EVERY) {
                    *last = Some(now);
                    output::line(text::quiet(status, self.scores.as_ref()));
                }
            }
        }
    }

    /// An evaluation has completed.
    pub fn evaluation(&mut self, wall_s: f64, evaluation: &Evaluation, scores: Scores) {
        self.scores = Some(scores);
        if matches!(self.mode, Mode::Lines { .. }) {
            let (env_steps, updates) = (evaluation.env_steps, evaluation.updates);
            output::line(text::evaluation(wall_s, env_steps, updates, &scores));
        }
    }

    /// Something to be said in between.
    pub fn say(&self, line: &str) {
        match &self.mode {
            Mode::Silent => {}
            Mode::Lines { .. } => output::line(line),
            Mode::Bars(bars) => {
                if let Err(error) = bars.all.println(line) {
                    tracing::warn!(%error, "the terminal cannot be written");
                }
            }
        }
    }

    /// The run is over; bars disappear.
    pub fn end(&mut self) {
        if let Mode::Bars(bars) = &self.mode {
            bars.steps.finish_and_clear();
            bars.rest.iter().for_each(ProgressBar::finish_and_clear);
        }
    }
}

impl Bars {
    fn new(budget: u64) -> Result<Self, indicatif::style::TemplateError> {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let bar =
            "{bar:32.cyan/blue} {human_pos}/{human_len} env steps  {elapsed_precise}, {eta} left";
        let steps = all.add(ProgressBar::new(budget));
        steps.set_style(ProgressStyle::with_template(bar)?);
        let line = ProgressStyle::with_template("{prefix:>10.dim} {wide_msg}")?;
        let rest = ["run", "return", "speed", "bottleneck"].map(|name| {
            let row = all.add(ProgressBar::new_spinner());
            row.set_style(line.clone());
            row.set_prefix(name);
            row
        });
        Ok(Self { all, steps, rest })
    }

    fn show(&self, status: &StatusReply, scores: Option<&Scores>) {
        let steps = status.learner.as_ref().map_or(0, |l| l.env_steps);
        self.steps.set_position(steps.min(status.env_steps_budget));
        let returns = scores.map_or_else(|| "not evaluated yet".to_owned(), text::scores);
        let messages =
            [text::members(status), returns, text::speeds(status), status.bottleneck.clone()];
        for (row, message) in self.rest.iter().zip(messages) {
            row.set_message(message);
            row.tick();
        }
    }
}
