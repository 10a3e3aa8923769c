//! Numbers as bars of characters. Pure.

use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Told apart without colours too.
const SEGMENTS: [(&str, Color); 5] = [
    ("█", Color::Cyan),
    ("▓", Color::Yellow),
    ("▒", Color::Magenta),
    ("░", Color::Blue),
    ("·", Color::DarkGray),
];

/// The last `width` values as columns between the lowest and the highest of them.
pub(super) fn sparkline(values: &[f64], width: usize) -> String {
    let newest = &values[values.len().saturating_sub(width)..];
    let finite = || newest.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let range = finite().fold(f64::NEG_INFINITY, f64::max) - low;
    newest.iter().map(|value| column((value - low) / range)).collect()
}

/// All values the same: in the middle.
fn column(height: f64) -> char {
    if height.is_nan() {
        return HEIGHTS[3];
    }
    let steps = (1..HEIGHTS.len()).filter(|step| height * 8.0 >= *step as f64).count();
    HEIGHTS[steps]
}

/// `share` of `width` cells filled.
pub(super) fn gauge(share: f64, width: u16) -> String {
    let filled = cells(share, width);
    "█".repeat(filled) + &"░".repeat(usize::from(width) - filled)
}

fn cells(share: f64, width: u16) -> usize {
    (0..width).filter(|cell| (f64::from(*cell) + 0.5) / f64::from(width) < share).count()
}

/// Parts of a whole: one bar of `width` cells, then the parts by name, the largest first.
pub(super) fn shares<'a>(parts: &[(&'a str, f64)], width: u16) -> Line<'a> {
    let mut parts: Vec<(&str, f64)> = parts.iter().copied().filter(|(_, s)| *s >= 0.005).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts.truncate(SEGMENTS.len());
    let mut line = Line::default();
    let (mut sum, mut drawn) = (0.0, 0);
    for ((_, share), (mark, colour)) in parts.iter().zip(SEGMENTS) {
        sum += share;
        let to = cells(sum, width);
        line.push_span(Span::styled(mark.repeat(to - drawn), Style::new().fg(colour)));
        drawn = to;
    }
    line.push_span(" ".repeat(usize::from(width) - drawn));
    for ((name, share), (mark, colour)) in parts.iter().zip(SEGMENTS) {
        line.push_span(Span::styled(format!("  {mark}"), Style::new().fg(colour)));
        line.push_span(format!(" {name} "));
        line.push_span(format!("{:.0} %", 100.0 * share).bold());
    }
    line
}
