//! Words on pictures: which task, how far, what it has come to.

use super::Moment;
use envs::picture::{Colour, Frame};
use font8x8::UnicodeFonts as _;

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

/// Writes onto `frame` what `moment` of the family called `family` is.
pub(super) fn write(frame: &mut Frame, family: &str, moment: &Moment<'_>) {
    let room = frame.width.saturating_sub(2 * MARGIN) / LETTER;
    let lines = lines(family, moment, room);
    for y in 0..2 * MARGIN + LINE * lines.len() {
        for x in 0..frame.width {
            frame.lay(x, y, SHADE, 1.0);
        }
    }
    for (number, line) in lines.iter().enumerate() {
        put(frame, MARGIN, MARGIN + number * LINE, line);
    }
}

/// The words, in lines of at most `room` letters.
fn lines(family: &str, moment: &Moment<'_>, room: usize) -> Vec<String> {
    let task = moment.task;
    let mut lines = vec![format!("{family} {}  episode {}", task.id, moment.episode + 1)];
    let named = task.parameters.iter();
    let named = named.map(|parameter| format!("{} {:.4}", parameter.name, parameter.value));
    lines.extend(wrap(named, room));
    let reward = moment.last.map_or(0.0, |(_, step)| step.reward);
    lines.push(format!(
        "step {:>4}  reward {reward:>8.3}  return {:>9.2}",
        moment.steps, moment.total
    ));
    lines
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
        let few = wrap(parts[..2].to_vec().into_iter(), 40);
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
