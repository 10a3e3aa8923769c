//! One of the two charts.

use super::ellipse::Ellipse;
use super::legend::{Entry, legend, write};
use super::{Area, Drawn, FONT, LEGEND_WIDTH};
use crate::latents::{Latents, Moment, Pca};
use plotters::prelude::*;
use std::ops::Range;

/// The second axis is drawn at most so much larger than the first: where nearly all variance lies along
/// one line, points lie near a line in the picture too.
const FLATTEST: f64 = 0.2;

/// Where moments lie: the plane of greatest variance, or, for latents of one number, that number over
/// the steps of the episode.
pub(super) struct Plane {
    pca: Option<Pca>,
    x: Range<f64>,
    y: Range<f64>,
}

/// What one chart shows.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) dots: Vec<Dot>,
    pub(super) ellipses: Vec<(RGBColor, Ellipse)>,
    pub(super) entries: Vec<Entry>,
}

/// A moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dot {
    pub(super) at: (f64, f64),
    pub(super) colour: RGBColor,
    pub(super) filled: bool,
    pub(super) scored: bool,
}

impl Plane {
    /// Fitted to the moments that are scored; wide enough for all.
    pub(super) fn of(latents: &Latents) -> Self {
        let rows: Vec<&[f32]> = latents.scored().map(|moment| moment.mean.as_slice()).collect();
        let pca = (latents.about.latent > 1).then(|| Pca::of(&rows));
        let mut plane = Self { pca, x: 0.0..1.0, y: 0.0..1.0 };
        let places: Vec<(f64, f64)> =
            latents.moments.iter().map(|moment| plane.place(moment)).collect();
        plane.x = range(places.iter().map(|place| place.0));
        plane.y = range(places.iter().map(|place| place.1));
        if plane.pca.is_some() {
            let least = FLATTEST * (plane.x.end - plane.x.start);
            plane.y = widened(&plane.y, least);
        }
        plane
    }

    pub(super) fn pca(&self) -> Option<&Pca> {
        self.pca.as_ref()
    }

    pub(super) fn place(&self, moment: &Moment) -> (f64, f64) {
        match &self.pca {
            Some(pca) => pca.project(moment.mean.iter().map(|&x| f64::from(x))),
            None => (f64::from(moment.step), moment.mean.first().map_or(0.0, |&x| f64::from(x))),
        }
    }

    /// What stands beside the axes.
    fn names(&self) -> [String; 2] {
        let named = |(n, part): (usize, f64)| {
            format!("principal component {n}: {:.0} % of the variance", 100.0 * part)
        };
        match &self.pca {
            Some(pca) => [(1, pca.explained()[0]), (2, pca.explained()[1])].map(named),
            None => ["step of the episode".to_owned(), "mean of the latent".to_owned()],
        }
    }

    fn holds(&self, place: &(f64, f64)) -> bool {
        self.x.contains(&place.0) && self.y.contains(&place.1)
    }
}

/// At least so wide, around the same middle.
fn widened(range: &Range<f64>, least: f64) -> Range<f64> {
    let missing = (least - (range.end - range.start)).max(0.0);
    range.start - missing / 2.0..range.end + missing / 2.0
}

/// All values, with room at both ends.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let room = if high > low { (high - low) * 0.15 } else { 1.0 };
    low - room..high + room
}

pub(super) fn draw(area: &Area<'_>, plane: &Plane, panel: &Panel) -> Drawn {
    let (width, _) = area.dim_in_pixel();
    let (left, right) = area.split_horizontally(width.saturating_sub(LEGEND_WIDTH));
    write(&left, &panel.title, (72, 0), 17)?;
    let [x_name, y_name] = plane.names();
    let mut chart = ChartBuilder::on(&left)
        .margin_top(28)
        .margin_left(8)
        .margin_bottom(8)
        .margin_right(8)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(plane.x.clone(), plane.y.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .axis_style(BLACK.mix(0.4))
        .label_style((FONT, 15))
        .x_labels(6)
        .y_labels(6)
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()?;
    chart.draw_series(panel.dots.iter().map(|dot| {
        let (size, style) = match (dot.scored, dot.filled) {
            (false, _) => (2, dot.colour.filled()),
            (true, true) => (3, dot.colour.mix(0.85).filled()),
            (true, false) => (3, dot.colour.mix(0.85).stroke_width(1)),
        };
        Circle::new(dot.at, size, style)
    }))?;
    for (colour, ellipse) in &panel.ellipses {
        let rings = [(1.0, colour.stroke_width(2)), (2.0, colour.mix(0.55).stroke_width(1))];
        for (radius, style) in rings {
            let outline = ellipse.outline(radius);
            // What lies outside would be drawn along the border.
            let inside = outline.split(|place| !plane.holds(place)).filter(|part| part.len() > 1);
            chart.draw_series(inside.map(|part| PathElement::new(part.to_vec(), style)))?;
        }
    }
    legend(&right, &panel.entries)
}
