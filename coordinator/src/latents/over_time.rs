//! How beliefs about one task go on: each dimension of the latent over the steps of the episodes, with
//! the task in force.

mod story;

use super::classes::Classes;
use super::picture::{Area, Drawn, Entry, FONT, LEGEND_WIDTH, Mark, legend, write};
use super::{Error, Latents, Moment, colours};
use crate::view::text::grouped;
use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use story::{Reign, Story};
use types::TaskRef;

const SIZE: (u32, u32) = (1300, 560);
/// With more dimensions than this, bands of one standard deviation would hide each other.
const BANDS: usize = 6;

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The picture of what was believed in the episodes of one task, as SVG. A change of the task is drawn
/// at the first moment after it.
///
/// # Errors
/// A task that was not evaluated.
pub fn over_time(latents: &Latents, task: TaskRef) -> Result<String, Error> {
    let story = Story::of(latents, task)?;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paint(&area, latents, &story).map_err(|error| Error::Draw(error.to_string()))?;
    }
    Ok(svg)
}

fn paint(area: &Area<'_>, latents: &Latents, story: &Story<'_>) -> Drawn {
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 - LEGEND_WIDTH);
    let about = &latents.about;
    let title = format!(
        "{}, evaluation {}, {}: beliefs after {} environment steps",
        about.family,
        about.number,
        story.task,
        grouped(about.env_steps)
    );
    write(&left, &title, (20, 14), 20)?;
    let mut chart = ChartBuilder::on(&left)
        .margin_top(48)
        .margin_left(12)
        .margin_bottom(8)
        .margin_right(12)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..story.end, story.low..story.high)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .axis_style(BLACK.mix(0.4))
        .label_style((FONT, 15))
        .x_label_formatter(&|step| format!("{step:.0}"))
        .x_desc("steps, one adaptation episode behind the other")
        .y_desc("mean of the latent, ± standard deviation")
        .draw()?;
    let reign_colours = reigns(&mut chart, latents, story)?;
    boundaries(&mut chart, story)?;
    for dimension in 0..about.latent {
        curve(&mut chart, story, dimension, about.latent <= BANDS)?;
    }
    legend(&right, &entries(about.latent, &reign_colours))?;
    area.present()?;
    Ok(())
}

/// A stripe for each stretch with one task in force, and a line where the next one begins. Gives the
/// colour of each task, in the order they came.
fn reigns(
    chart: &mut Chart<'_, '_>,
    latents: &Latents,
    story: &Story<'_>,
) -> Result<Vec<(String, RGBColor)>, Box<dyn std::error::Error>> {
    let classes = Classes::of(latents);
    let all = colours::of_moments(&classes);
    let mut seen: Vec<(String, RGBColor)> = Vec::new();
    for Reign { from, to, at, begins_within } in &story.reigns {
        let in_force = latents.moments[*at].in_force;
        let (name, colour) = (format!("{in_force}, {}", classes.describe(*at)), all[*at]);
        let field = [(*from, story.low), (*to, story.high)];
        let stripe = [(*from, story.stripe), (*to, story.high)];
        chart.draw_series([Rectangle::new(field, colour.mix(0.07).filled())])?;
        chart.draw_series([Rectangle::new(stripe, colour.filled())])?;
        if *begins_within {
            let line = [(*from, story.low), (*from, story.high)];
            chart.draw_series(DashedLineSeries::new(line, 5, 4, colour.stroke_width(2)))?;
        }
        if !seen.iter().any(|(known, _)| *known == name) {
            seen.push((name, colour));
        }
    }
    Ok(seen)
}

fn boundaries(chart: &mut Chart<'_, '_>, story: &Story<'_>) -> Drawn {
    let lines = story.boundaries().map(|x| {
        PathElement::new([(x, story.low), (x, story.high)], BLACK.mix(0.6).stroke_width(1))
    });
    chart.draw_series(lines)?;
    Ok(())
}

/// The mean over time, in one piece for each episode.
fn curve(chart: &mut Chart<'_, '_>, story: &Story<'_>, dimension: usize, has_band: bool) -> Drawn {
    let colour = colours::kind(dimension);
    for episode in &story.episodes {
        let point = |moment: &Moment| {
            let mean = f64::from(moment.mean[dimension]);
            let deviation = f64::from(moment.variance[dimension]).max(0.0).sqrt();
            (episode.offset + f64::from(moment.step), mean, deviation)
        };
        let points: Vec<(f64, f64, f64)> = episode.moments.iter().map(point).collect();
        if has_band {
            let above = points.iter().map(|(x, mean, deviation)| (*x, mean + deviation));
            let below = points.iter().rev().map(|(x, mean, deviation)| (*x, mean - deviation));
            let outline: Vec<(f64, f64)> = above.chain(below).collect();
            chart.draw_series([Polygon::new(outline, colour.mix(0.12))])?;
        }
        let means = points.iter().map(|(x, mean, _)| (*x, *mean));
        chart.draw_series(LineSeries::new(means, colour.stroke_width(2)))?;
    }
    Ok(())
}

fn entries(latent: usize, tasks: &[(String, RGBColor)]) -> Vec<Entry> {
    let mut entries = vec![Entry::note("task in force")];
    let named = |(name, colour): &(String, RGBColor)| Entry::new(Mark::Dot(*colour), name.clone());
    entries.extend(tasks.iter().map(named));
    entries.push(Entry::note("dimension"));
    let line =
        |dimension| Entry::new(Mark::Line(colours::kind(dimension)), format!("z{}", dimension + 1));
    entries.extend((0..latent).map(line));
    entries
}
