//! Colours of classes, clusters and dimensions.

use super::classes::Classes;
use plotters::prelude::*;

/// Hues far enough apart that each can be made lighter and darker and stays what it is.
const HUES: [RGBColor; 10] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(110, 80, 190),
    RGBColor(120, 72, 40),
    RGBColor(150, 170, 30),
    RGBColor(160, 20, 60),
    RGBColor(110, 110, 110),
];

/// From dark to light, and through hues that the colour-blind tell apart too.
const SCALE: [RGBColor; 5] = [
    RGBColor(52, 28, 104),
    RGBColor(38, 88, 142),
    RGBColor(32, 146, 130),
    RGBColor(120, 184, 70),
    RGBColor(236, 192, 40),
];

/// How far shades go, as a part of the way to white and to black.
const SHADE: f64 = 0.38;

/// The colour of number `index` of a few kinds. The first ten are chosen, further ones are spread
/// around the circle of hues.
pub(super) fn kind(index: usize) -> RGBColor {
    const GOLDEN: f64 = 0.618_033_988_75;
    match HUES.get(index) {
        Some(hue) => *hue,
        None => {
            let turn = (index as f64 * GOLDEN).fract();
            let lightness = if index.is_multiple_of(2) { 0.35 } else { 0.6 };
            let (red, green, blue) = HSLColor(turn, 0.65, lightness).rgb();
            RGBColor(red, green, blue)
        }
    }
}

/// From a light to a dark shade of `colour` as `rank` goes from 0 to 1.
pub(super) fn shade(colour: RGBColor, rank: f64) -> RGBColor {
    let way = (rank.clamp(0.0, 1.0) - 0.5) * 2.0 * SHADE;
    blend(colour, if way < 0.0 { WHITE } else { BLACK }, way.abs())
}

/// The colour at `part`, 0 to 1, of a scale whose lightness rises evenly.
pub(super) fn on_scale(part: f64) -> RGBColor {
    let place = part.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let between = SCALE.windows(2).zip(0u32..).find(|(_, at)| place <= f64::from(at + 1));
    match between {
        Some((ends, at)) => blend(ends[0], ends[1], place - f64::from(at)),
        None => SCALE[SCALE.len() - 1],
    }
}

/// `part` of the way from one colour to another.
fn blend(from: RGBColor, to: RGBColor, part: f64) -> RGBColor {
    let mix = |from: u8, to: u8| to_byte(f64::from(from) * (1.0 - part) + f64::from(to) * part);
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// The colour of each moment.
pub(super) fn of_moments(classes: &Classes) -> Vec<RGBColor> {
    match classes {
        Classes::Named { of, rank, .. } => {
            of.iter().zip(rank).map(|(class, rank)| shade(kind(*class), *rank)).collect()
        }
        Classes::Scale { of, .. } => {
            let (low, high) = ends(of);
            let width = if high > low { high - low } else { 1.0 };
            of.iter().map(|value| on_scale((value - low) / width)).collect()
        }
    }
}

/// Least and greatest.
pub(super) fn ends(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what a byte holds"
)]
fn to_byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
