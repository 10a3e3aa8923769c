//! The whole screen. Pure: a model in, a frame out.

use super::bars;
use super::model::Model;
use super::panels;
use crate::bottleneck::words;
use crate::scores::Scores;
use crate::state::to_f64;
use crate::status::mean_lag;
use crate::view::text::{checkpoint, duration, grouped, maybe, mebibytes, short};
use proto::v1::{LearnerProgress, StatusReply};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

/// Cells of the bars in the upper part.
const BAR: u16 = 18;

/// Draws the newest picture of the run.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let Some(status) = model.status() else {
        let text = model.notice().unwrap_or_else(|| "asking the coordinator …".to_owned());
        return frame.render_widget(Paragraph::new(text), frame.area());
    };
    let rows = Layout::vertical([
        Constraint::Length(9),
        Constraint::Fill(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ]);
    let [above, tables, log, keys] = rows.areas(frame.area());
    upper(model, status, frame, above);
    let [actors, tasks] =
        Layout::horizontal([Constraint::Fill(5), Constraint::Fill(4)]).areas(tables);
    panels::actors(model, status, frame, actors);
    panels::tasks(model, status, frame, tasks);
    panels::log(model, status, frame, log);
    frame.render_widget(footer(model), keys);
}

fn upper(model: &Model, status: &StatusReply, frame: &mut Frame<'_>, area: Rect) {
    let rows = [1, 1, 1, 2, 1, 1, 1, 1].map(Constraint::Length);
    let [title, progress, speed, verdict, actors, learner, limiter, replay] =
        Layout::vertical(rows).areas(area);
    let progress_of = learner_of(status);
    frame.render_widget(title_line(status, progress_of), title);
    frame.render_widget(progress_line(status, progress_of, progress.width), progress);
    frame.render_widget(speed_line(model, status, progress_of), speed);
    frame.render_widget(Paragraph::new(verdict_line(status)).wrap(Wrap { trim: true }), verdict);
    frame.render_widget(named("actors", spent(status, "actors")), actors);
    frame.render_widget(named("learner", spent(status, "learner")), learner);
    frame.render_widget(named("limiter", limiter_line(status, progress_of)), limiter);
    frame.render_widget(named("replay", replay_line(progress_of)), replay);
}

/// A learner of which nothing is known is as good as none.
fn learner_of(status: &StatusReply) -> &LearnerProgress {
    static NONE: std::sync::LazyLock<LearnerProgress> =
        std::sync::LazyLock::new(LearnerProgress::default);
    status.learner.as_ref().unwrap_or(&NONE)
}

fn named<'a>(name: &'static str, mut rest: Line<'a>) -> Line<'a> {
    rest.spans.insert(0, Span::styled(format!("{name:<9}"), Style::new().dim()));
    rest
}

fn title_line<'a>(status: &'a StatusReply, learner: &'a LearnerProgress) -> Line<'a> {
    let colour = match learner.phase.as_str() {
        "failed" => Color::Red,
        _ if status.stopping => Color::Yellow,
        _ => Color::Green,
    };
    let phase = if status.stopping { "stopping" } else { learner.phase.as_str() };
    Line::from(vec![
        Span::raw(&status.experiment).bold(),
        Span::raw(" on "),
        Span::raw(&status.family),
        Span::raw("   "),
        Span::styled(phase, Style::new().fg(colour).bold()),
        Span::raw(format!("   up {}   ", duration(status.uptime_s))),
        Span::raw(&status.run_dir).dim(),
    ])
}

fn progress_line(status: &StatusReply, learner: &LearnerProgress, width: u16) -> Line<'static> {
    let (done, budget) = (to_f64(learner.env_steps), to_f64(status.env_steps_budget.max(1)));
    let share = (done / budget).min(1.0);
    let left = (budget - done).max(0.0) / status.env_steps_per_s;
    let left = if left.is_finite() { format!(", {} left", duration(left)) } else { String::new() };
    let text = format!(
        " {} of {} env steps, {:.0} %{left}",
        grouped(learner.env_steps),
        grouped(status.env_steps_budget),
        100.0 * share
    );
    let room = usize::from(width).saturating_sub(text.chars().count());
    let bar = bars::gauge(share, u16::try_from(room).unwrap_or(0));
    Line::from(vec![Span::styled(bar, Style::new().fg(Color::Cyan)), Span::raw(text)])
}

fn speed_line(model: &Model, status: &StatusReply, learner: &LearnerProgress) -> Line<'static> {
    let speeds = bars::sparkline(&model.speeds(), usize::from(BAR));
    let bar = format!("{speeds:>width$}", width = usize::from(BAR));
    named(
        "speed",
        Line::from(vec![
            Span::styled(bar, Style::new().fg(Color::Cyan)),
            format!("  {} steps/s", short(status.env_steps_per_s)).bold(),
            Span::raw(format!(
                ", {} updates/s ({}), lag {}",
                short(status.updates_per_s),
                grouped(learner.updates),
                short(mean_lag(status)),
            )),
        ]),
    )
}

/// The name of the limit stands out; the seconds follow as bars.
fn verdict_line(status: &StatusReply) -> Line<'_> {
    let (name, advice) = status.bottleneck.split_once(": ").unwrap_or((&status.bottleneck, ""));
    let advice = advice.rsplit_once(" (last ").map_or(advice, |(advice, _)| advice);
    let colour = match name {
        "none" | "starting" => Color::Green,
        "paused" | "no-learner" | "no-actors" => Color::Red,
        _ => Color::Yellow,
    };
    Line::from(vec![
        Span::styled("limit    ", Style::new().dim()),
        Span::styled(name, Style::new().fg(colour).bold()),
        Span::raw(": "),
        Span::raw(advice),
    ])
}

/// What one side has spent its time on.
fn spent<'a>(status: &'a StatusReply, who: &str) -> Line<'a> {
    let of_side = status.spent.iter().filter(|spent| spent.who == who && spent.cause != "store");
    let parts: Vec<(&str, f64)> = of_side.map(|s| (words(&s.cause), s.seconds)).collect();
    let sum: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
    let whole = if who == "learner" { sum.max(status.spent_window_s) } else { sum };
    if whole <= 0.0 {
        return Line::from("nothing known yet");
    }
    let parts: Vec<(&str, f64)> = parts.iter().map(|(name, s)| (*name, s / whole)).collect();
    bars::shares(&parts, BAR)
}

fn limiter_line(status: &StatusReply, learner: &LearnerProgress) -> Line<'static> {
    let target = status.samples_per_insert_target;
    let ratio = if target > 0.0 { learner.samples_per_insert / target } else { 0.0 };
    let ahead = learner.metrics.get("collection_ahead").map_or_else(String::new, |ahead| {
        format!(", {}/{} ahead", short(*ahead), status.tolerance)
    });
    Line::from(vec![
        Span::styled(bars::gauge(ratio, BAR), Style::new().fg(Color::Cyan)),
        format!("  {} of {}", short(learner.samples_per_insert), short(target)).bold(),
        Span::raw(format!(" samples per insert{ahead}")),
    ])
}

fn replay_line(learner: &LearnerProgress) -> Line<'static> {
    let mut text = format!("{} stored", grouped(learner.transitions_stored));
    let others = [
        ("inserted", learner.transitions_inserted),
        ("discarded", learner.transitions_discarded),
        ("doubled", learner.transitions_duplicated),
    ];
    for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!(", {} {name}", grouped(count)));
    }
    if learner.log_bytes > 0 {
        text.push_str(&format!(", log {}", mebibytes(learner.log_bytes)));
    }
    Line::from(text)
}

/// Returns in few words, for the title of their table.
pub(super) fn returns(status: &StatusReply) -> String {
    match &status.newest_evaluation {
        None => "not evaluated yet".to_owned(),
        Some(evaluation) => {
            let scores = Scores::of(evaluation, None);
            format!("train {}, test {}", maybe(scores.train_return), maybe(scores.test_return))
        }
    }
}

/// Version, checkpoint and memory, for the title of the log.
pub(super) fn holdings(status: &StatusReply) -> String {
    let learner = learner_of(status);
    format!(
        "version {}, checkpoint {}, learner {} on {}",
        learner.version,
        checkpoint(status),
        mebibytes(learner.resident_bytes),
        learner.device
    )
}

fn footer(model: &Model) -> Line<'static> {
    if let Some(notice) = model.notice() {
        return Line::from(notice).bold().fg(Color::Yellow);
    }
    Line::from("q leave   ←→ choose a table   ↑↓ scroll it   p hold the picture").dim()
}
