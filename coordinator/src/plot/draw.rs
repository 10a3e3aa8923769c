//! The picture.

use super::{Error, Group, Spread};
use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::ops::Range;
use std::path::Path;
use types::ReferenceReturns;

const SIZE: (u32, u32) = (900, 560);
const FONT: &str = "sans-serif";
/// Told apart by the colour-blind too (Okabe and Ito's palette without yellow and black).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws the groups into `file` as SVG: test returns as full lines with a band from the worst to
/// the best run, train returns dashed, the yardsticks of the family thin and grey.
///
/// # Errors
/// [`Error::Draw`] if the file cannot be written.
pub fn draw(
    groups: &[Group],
    reference: Option<&ReferenceReturns>,
    file: &Path,
) -> Result<(), Error> {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    paint(&area, groups, reference)
        .map_err(|error| Error::Draw { file: file.to_owned(), reason: error.to_string() })
}

fn paint(area: &Area<'_>, groups: &[Group], reference: Option<&ReferenceReturns>) -> Drawn {
    area.fill(&WHITE)?;
    let (steps, returns) = ranges(groups, reference);
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(52)
        .y_label_area_size(72)
        .build_cartesian_2d(steps.clone(), returns)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .axis_style(BLACK.mix(0.4))
        .label_style((FONT, 18))
        .x_desc("environment steps")
        .y_desc("return of the last adaptation episode")
        .x_label_formatter(&|steps| thousands(*steps))
        .draw()?;
    if let Some(reference) = reference {
        yardstick(&mut chart, &steps, reference.random, "random")?;
        yardstick(&mut chart, &steps, reference.oracle, "oracle")?;
    }
    for (group, colour) in groups.iter().zip(COLOURS.iter().cycle()) {
        curves(&mut chart, group, *colour)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .label_font((FONT, 18))
        .draw()?;
    area.present()?;
    Ok(())
}

fn curves(chart: &mut Chart<'_, '_>, group: &Group, colour: RGBColor) -> Drawn {
    let Group { experiment, runs, .. } = group;
    if *runs > 1 {
        let upper = group.test.iter().map(|s| (s.env_steps, s.high));
        let lower = group.test.iter().rev().map(|s| (s.env_steps, s.low));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        let band = Polygon::new(outline, colour.mix(0.18));
        chart.draw_series(std::iter::once(band))?;
    }
    let seeds = match runs {
        1 => String::new(),
        runs => format!(", mean of {runs} runs, from worst to best"),
    };
    let full = colour.stroke_width(2);
    chart
        .draw_series(LineSeries::new(means(&group.test), full).point_size(2))?
        .label(format!("{experiment}: test{seeds}"))
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], full));
    let faint = colour.mix(0.6).stroke_width(1);
    chart
        .draw_series(DashedLineSeries::new(means(&group.train), 6, 4, faint))?
        .label(format!("{experiment}: train"))
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], faint));
    Ok(())
}

fn yardstick(
    chart: &mut Chart<'_, '_>,
    steps: &Range<f64>,
    value: f64,
    name: &'static str,
) -> Drawn {
    let grey = BLACK.mix(0.45);
    let ends = [(steps.start, value), (steps.end, value)];
    chart.draw_series(LineSeries::new(ends, grey.stroke_width(1)))?;
    let label = Text::new(name, (steps.start, value), (FONT, 16).into_font().color(&grey));
    chart.draw_series(std::iter::once(label))?;
    Ok(())
}

fn means(curve: &[Spread]) -> Vec<(f64, f64)> {
    curve.iter().map(|s| (s.env_steps, s.mean)).collect()
}

/// What the axes must hold, with some air.
fn ranges(groups: &[Group], reference: Option<&ReferenceReturns>) -> (Range<f64>, Range<f64>) {
    let all = || groups.iter().flat_map(|g| g.train.iter().chain(&g.test));
    let last = all().map(|s| s.env_steps).fold(1.0, f64::max);
    let yardsticks = reference.map(|r| [r.random, r.oracle]);
    let values = || {
        let spreads = all().flat_map(|s| [s.low, s.high]);
        spreads.chain(yardsticks.into_iter().flatten())
    };
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let air = ((high - low) * 0.06).max(1e-3);
    (0.0..last * 1.02, low - air..high + air)
}

/// `0`, `500`, `20k`, `1.5M`.
fn thousands(steps: f64) -> String {
    if steps >= 1e6 {
        format!("{}M", (steps / 1e4).round() / 100.0)
    } else if steps >= 1e3 {
        format!("{}k", (steps / 1e2).round() / 10.0)
    } else {
        format!("{steps:.0}")
    }
}
