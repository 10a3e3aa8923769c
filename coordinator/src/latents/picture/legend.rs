//! Words beside a picture.

use super::{Area, Drawn, FONT};
use plotters::prelude::*;

/// Lines at most; what does not fit is counted.
const LINES: usize = 24;
const LINE_HEIGHT: i32 = 22;
const TEXT_SIZE: u32 = 15;

/// One line of a legend.
#[derive(Debug, Clone)]
pub(in crate::latents) struct Entry {
    mark: Mark,
    text: String,
}

/// What stands before its words.
#[derive(Debug, Clone, Copy)]
pub(in crate::latents) enum Mark {
    Dot(RGBColor),
    Ring(RGBColor),
    Line(RGBColor),
    Nothing,
}

impl Entry {
    pub(in crate::latents) fn new(mark: Mark, text: String) -> Self {
        Self { mark, text }
    }

    pub(in crate::latents) fn note(text: &str) -> Self {
        Self { mark: Mark::Nothing, text: text.to_owned() }
    }
}

/// Writes the entries below each other, from the top of `area`.
pub(in crate::latents) fn legend(area: &Area<'_>, entries: &[Entry]) -> Drawn {
    let shown = if entries.len() > LINES { LINES - 1 } else { entries.len() };
    let mut y = 44;
    for entry in &entries[..shown] {
        mark(area, entry.mark, y)?;
        let x = if matches!(entry.mark, Mark::Nothing) { 6 } else { 30 };
        write(area, &entry.text, (x, y - 8), TEXT_SIZE)?;
        y += LINE_HEIGHT;
    }
    if shown < entries.len() {
        write(area, &format!("and {} more", entries.len() - shown), (6, y - 8), TEXT_SIZE)?;
    }
    Ok(())
}

fn mark(area: &Area<'_>, mark: Mark, y: i32) -> Drawn {
    match mark {
        Mark::Dot(colour) => area.draw(&Circle::new((14, y), 5, colour.filled()))?,
        Mark::Ring(colour) => area.draw(&Circle::new((14, y), 4, colour.stroke_width(2)))?,
        Mark::Line(colour) => {
            area.draw(&PathElement::new([(4, y), (24, y)], colour.stroke_width(3)))?;
        }
        Mark::Nothing => {}
    }
    Ok(())
}

/// Writes one line of text; `place` is its upper left corner.
pub(in crate::latents) fn write(
    area: &Area<'_>,
    text: &str,
    place: (i32, i32),
    size: u32,
) -> Drawn {
    let style = (FONT, size).into_font().color(&BLACK.mix(0.8));
    area.draw(&Text::new(text.to_owned(), place, style))?;
    Ok(())
}
