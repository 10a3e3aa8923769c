//! The tables and the log: what can be scrolled.

use super::bars;
use super::model::{Model, Pane};
use super::screen::{holdings, returns};
use crate::state::to_f64;
use crate::view::text::{grouped, maybe, short};
use proto::v1::{ActorStats, ActorStatus, StatusReply, TaskStatus};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, List, Row, Table};

/// From this width on the table of actors says where they run.
const WIDE: u16 = 70;

/// Who is there and how they do.
pub(super) fn actors(model: &Model, status: &StatusReply, frame: &mut Frame<'_>, area: Rect) {
    let alive = status.actors.iter().filter(|actor| actor.alive).count();
    let title = format!("actors: {alive} alive of {}", status.actors.len());
    let wide = area.width >= WIDE;
    let mut names = vec!["#", "life", "steps/s", "lag", "heard", "MiB", "waits"];
    let mut widths: Vec<Constraint> = [3, 4, 7, 4, 5, 5, 7].map(Constraint::Length).into();
    if wide {
        names.extend(["steps", "host:pid"]);
        widths.extend([Constraint::Length(12), Constraint::Fill(1)]);
    }
    let visible = visible(&status.actors, model.position(Pane::Actors), area);
    let rows = visible.iter().map(|actor| actor_row(actor, wide));
    let table = Table::new(rows, widths)
        .header(Row::new(names).style(Style::new().dim()))
        .column_spacing(1)
        .block(block(model, Pane::Actors, title));
    frame.render_widget(table, area);
}

fn actor_row(actor: &ActorStatus, wide: bool) -> Row<'static> {
    let key = actor.actor.unwrap_or_default();
    let stats = actor.stats.unwrap_or_default();
    let heard = if actor.alive { format!("{:.1} s", actor.heartbeat_age_s) } else { "dead".into() };
    let mut cells = vec![
        key.actor.to_string(),
        key.incarnation.to_string(),
        short(actor.env_steps_per_s),
        actor.lag.to_string(),
        heard,
        format!("{:.1}", to_f64(stats.resident_bytes) / 1_048_576.0),
        waits_for(&stats),
    ];
    if wide {
        cells.extend([grouped(stats.env_steps), format!("{}:{}", actor.host, actor.pid)]);
    }
    let style = if actor.alive { Style::new() } else { Style::new().fg(Color::Red) };
    Row::new(cells.into_iter().map(Cell::from)).style(style)
}

/// What it has waited for most in its life, if anything.
fn waits_for(stats: &ActorStats) -> String {
    let causes = [
        ("trials", stats.waited_lease_s),
        ("upload", stats.waited_upload_s),
        ("weights", stats.waited_weights_s),
    ];
    let longest = causes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    longest.filter(|(_, s)| *s >= 1.0).map_or_else(String::new, |(name, _)| name.to_owned())
}

/// How each task goes.
pub(super) fn tasks(model: &Model, status: &StatusReply, frame: &mut Frame<'_>, area: Rect) {
    let title = format!("return: {}", returns(status));
    let spark = usize::from(area.width.saturating_sub(26)).max(4);
    // Test tasks first: they say whether anything general was learned.
    let mut ordered: Vec<&TaskStatus> = status.tasks.iter().collect();
    ordered.sort_by_key(|task| {
        let key = task.task.unwrap_or_default();
        (std::cmp::Reverse(key.split), key.index)
    });
    let visible = visible(&ordered, model.position(Pane::Tasks), area);
    let rows = visible.iter().map(|task| task_row(task, spark));
    let widths =
        [Constraint::Length(9), Constraint::Length(7), Constraint::Fill(1), Constraint::Length(4)];
    let table = Table::new(rows, widths)
        .header(Row::new(["task", "newest", "so far", "bad"]).style(Style::new().dim()))
        .column_spacing(1)
        .block(block(model, Pane::Tasks, title));
    frame.render_widget(table, area);
}

fn task_row(task: &TaskStatus, spark: usize) -> Row<'static> {
    let key = task.task.unwrap_or_default();
    let split = if key.split == 1 { "train" } else { "test" };
    let failed = if task.failed == 0 { String::new() } else { task.failed.to_string() };
    Row::new([
        Cell::from(format!("{split} {}", key.index)),
        Cell::from(maybe(task.returns.last().copied())),
        Cell::from(bars::sparkline(&task.returns, spark)).fg(Color::Cyan),
        Cell::from(failed).fg(Color::Red),
    ])
}

/// Newest warnings and errors; scrolling goes back in time.
pub(super) fn log(model: &Model, status: &StatusReply, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.height.saturating_sub(2));
    let end = status.log.len().saturating_sub(model.position(Pane::Log));
    let shown = &status.log[end.saturating_sub(room)..end];
    let block = block(model, Pane::Log, holdings(status));
    if status.log.is_empty() {
        let nothing = Line::from("no warnings").dim();
        return frame.render_widget(List::new([nothing]).block(block), area);
    }
    frame.render_widget(List::new(shown.iter().map(|line| log_line(line))).block(block), area);
}

/// Without the date, errors in red.
fn log_line(line: &str) -> Line<'_> {
    let from = line.find('T').filter(|at| *at == 10).map_or(0, |at| at + 1);
    let text = &line[from..];
    let colour =
        if text.contains("ERROR") || text.contains("error:") { Color::Red } else { Color::Yellow };
    Line::from(text).fg(colour)
}

fn visible<T>(all: &[T], position: usize, area: Rect) -> &[T] {
    let room = usize::from(area.height.saturating_sub(3));
    // The last page stays full.
    let from = position.min(all.len().saturating_sub(room));
    &all[from..(from + room).min(all.len())]
}

fn block(model: &Model, pane: Pane, title: String) -> Block<'static> {
    let style =
        if model.focus() == pane { Style::new().fg(Color::Cyan) } else { Style::new().dim() };
    Block::bordered().border_style(style).title(format!(" {title} "))
}
