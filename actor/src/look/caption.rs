//! Words on pictures: which task, how far, what it has come to.

use super::Moment;
use envs::TaskFamily;
use envs::picture::{Colour, Frame};
use font8x8::UnicodeFonts as _;
use types::{Parameter, Split, Task};

/// Pixels of a letter along each side.
const LETTER: usize = 8;
/// Pixels from one line to the next.
const LINE: usize = 11;
/// Pixels around the words.
const MARGIN: usize = 5;
/// Lines that the parameters of a task may take; some families have dozens.
const PARAMETER_LINES: usize = 3;

const INK: Colour = Colour([255, 255, 255, 255]);
const SHADE: Colour = Colour([20, 22, 26, 190]);

/// What is the same in all captions of a film.
#[derive(Debug)]
pub(super) struct Caption {
    family: String,
    /// The parameters that differ between tasks; all of them where none does.
    parameters: Vec<String>,
}

impl Caption {
    pub(super) fn of(family: &dyn TaskFamily) -> Self {
        let tasks: Vec<Task> =
            [Split::Train, Split::Test].into_iter().flat_map(|split| family.tasks(split)).collect();
        let mut parameters = varying(&tasks);
        if let (true, Some(task)) = (parameters.is_empty(), tasks.first()) {
            parameters = task.parameters.iter().map(|p| p.name.clone()).collect();
        }
        Self { family: family.name().to_owned(), parameters }
    }

    /// Writes onto `frame` what `moment` is.
    pub(super) fn write(&self, frame: &mut Frame, moment: &Moment<'_>) {
        let room = frame.width.saturating_sub(2 * MARGIN) / LETTER;
        put_lines(frame, &self.lines(moment, room));
    }

    /// The words, in lines of at most `room` letters.
    fn lines(&self, moment: &Moment<'_>, room: usize) -> Vec<String> {
        let task = moment.task;
        let mut lines =
            vec![format!("{} {}  episode {}", self.family, task.id, moment.episode + 1)];
        let value = |name: &String| task.parameter(name).unwrap_or(f64::NAN);
        let named = self.parameters.iter().map(|name| format!("{name} {:.4}", value(name)));
        lines.extend(wrap(named, room));
        let reward = moment.last.map_or(0.0, |(_, step)| step.reward);
        lines.push(format!(
            "step {:>4}  reward {reward:>8.3}  return {:>9.2}",
            moment.steps, moment.total
        ));
        lines
    }
}

/// Names of the parameters that are not the same in all tasks.
fn varying(tasks: &[Task]) -> Vec<String> {
    let Some((first, others)) = tasks.split_first() else {
        return vec![];
    };
    let differs = |(position, parameter): &(usize, &Parameter)| {
        let same = |task: &Task| task.parameters.get(*position) == Some(*parameter);
        !others.iter().all(same)
    };
    let all = first.parameters.iter().enumerate();
    all.filter(differs).map(|(_, parameter)| parameter.name.clone()).collect()
}

fn put_lines(frame: &mut Frame, lines: &[String]) {
    for y in 0..2 * MARGIN + LINE * lines.len() {
        for x in 0..frame.width {
            frame.lay(x, y, SHADE, 1.0);
        }
    }
    for (number, line) in lines.iter().enumerate() {
        put(frame, MARGIN, MARGIN + number * LINE, line);
    }
}

/// As many of `parts` as fit into the lines for them, and how many there are besides.
fn wrap(parts: impl ExactSizeIterator<Item = String>, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut left = parts.len();
    for part in parts {
        if let Some(line) = lines.last_mut().filter(|line| line.len() + 2 + part.len() <= room) {
            line.push_str("  ");
            line.push_str(&part);
        } else if lines.len() < PARAMETER_LINES {
            lines.push(part);
        } else {
            break;
        }
        left -= 1;
    }
    if left > 0 {
        lines.push(format!("and {left} more"));
    }
    lines
}

/// Writes `text` with its upper left corner at column `x` of row `y`. What does not fit is cut
/// off, and a letter that the font lacks leaves a gap.
fn put(frame: &mut Frame, x: usize, y: usize, text: &str) {
    for (position, letter) in text.chars().enumerate() {
        let glyph = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
        for (row, bits) in glyph.into_iter().enumerate() {
            for column in (0..LETTER).filter(|column| bits >> column & 1 == 1) {
                frame.lay(x + position * LETTER + column, y + row, INK, 1.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_parameters_are_wrapped_and_the_rest_is_counted() {
        let parts = (0..9).map(|n| format!("mass_{n} 1.0000")).collect::<Vec<_>>();
        let few = wrap(parts[..2].iter().cloned(), 40);
        assert_eq!(few, ["mass_0 1.0000  mass_1 1.0000"]);
        let many = wrap(parts.into_iter(), 30);
        assert_eq!(many.len(), PARAMETER_LINES + 1);
        assert!(many.iter().all(|line| line.len() <= 30), "{many:?}");
        assert_eq!(many[3], "and 3 more");
    }

    #[test]
    fn letters_are_upright_and_not_mirrored() {
        let mut frame = Frame::filled(LETTER, LETTER, SHADE);
        put(&mut frame, 0, 0, "L");
        let ink = |x: usize, y: usize| frame.pixels[3 * (y * LETTER + x)] == 255;
        let count = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>| {
            rows.flat_map(|y| columns.clone().map(move |x| (x, y)))
                .filter(|&(x, y)| ink(x, y))
                .count()
        };
        assert!(count(0..4, 0..4) > count(4..8, 0..4), "the stroke of an L is on the left");
        assert!(count(0..8, 4..8) > count(0..8, 0..4), "its foot is at the bottom");
    }
}
