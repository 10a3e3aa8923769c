//! The picture of an evaluation's beliefs: the plane in which they differ most, once coloured by what
//! the tasks are, and once by what the agent made of them.

mod ellipse;
mod legend;
mod panel;

pub(super) use legend::{Entry, Mark, legend, write};

use super::classes::Classes;
use super::{ClusterScores, Error, Latents, Moment, Origin, colours};
use crate::view::text::{grouped, short};
use ellipse::Ellipse;
use panel::{Dot, Panel, Plane};
use plotters::coord::Shift;
use plotters::prelude::*;
use types::Split;

const SIZE: (u32, u32) = (1400, 640);
const TITLE_HEIGHT: u32 = 48;
pub(super) const LEGEND_WIDTH: u32 = 190;
pub(super) const FONT: &str = "sans-serif";
/// Moments drawn at most, evenly taken from all, so that a picture stays below a few hundred KiB.
const DRAWN: usize = 1500;
/// Components that are less of the mixture are not drawn.
const VISIBLE: f64 = 0.005;
/// Of what is not looked at.
const PALE: RGBColor = RGBColor(214, 214, 214);
/// Of ellipses, where the colour of points says something else.
const OUTLINE: RGBColor = RGBColor(70, 70, 70);

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The picture, as SVG.
///
/// # Errors
/// None that are known; what the drawing library refuses.
pub fn picture(latents: &Latents) -> Result<String, Error> {
    let scores = ClusterScores::of(latents)?;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paint(&area, latents, scores.as_ref()).map_err(|error| Error::Draw(error.to_string()))?;
    }
    Ok(svg)
}

fn paint(area: &Area<'_>, latents: &Latents, scores: Option<&ClusterScores>) -> Drawn {
    area.fill(&WHITE)?;
    let (head, body) = area.split_vertically(TITLE_HEIGHT);
    write(&head, &title(latents, scores), (20, 16), 20)?;
    let (left, right) = body.split_horizontally(SIZE.0 / 2);
    let plane = Plane::of(latents);
    panel::draw(&left, &plane, &by_task(latents, &plane))?;
    panel::draw(&right, &plane, &by_cluster(latents, &plane))?;
    area.present()?;
    Ok(())
}

fn title(latents: &Latents, scores: Option<&ClusterScores>) -> String {
    let about = &latents.about;
    let mut title = format!(
        "{}, evaluation {}: beliefs after {} environment steps",
        about.family,
        about.number,
        grouped(about.env_steps)
    );
    if let Some(ClusterScores { purity, adjusted_rand, clusters, classes, .. }) = scores {
        title.push_str(&format!(
            "; purity {purity:.2}, adjusted Rand index {adjusted_rand:.2} ({clusters} clusters, {classes} classes)"
        ));
    }
    title
}

/// Coloured by what the tasks in force are.
fn by_task(latents: &Latents, plane: &Plane) -> Panel {
    let classes = Classes::of(latents);
    let mut entries = match &classes {
        Classes::Named { names, rank, .. } => {
            let named = names.iter().enumerate();
            let mut entries: Vec<Entry> = named
                .map(|(k, name)| Entry::new(Mark::Dot(colours::kind(k)), name.clone()))
                .collect();
            if rank.iter().any(|rank| *rank != 0.5) {
                entries.push(Entry::note("light to dark: by parameter"));
            }
            entries
        }
        Classes::Scale { name, of } => scale(name, of),
    };
    entries.extend(marks(latents));
    let ellipses = ellipses(latents, plane).into_iter().map(|(_, ellipse)| (OUTLINE, ellipse));
    Panel {
        title: "by task in force".to_owned(),
        dots: dots(latents, plane, &colours::of_moments(&classes)),
        ellipses: ellipses.collect(),
        entries,
    }
}

/// Coloured by the cluster they are in.
fn by_cluster(latents: &Latents, plane: &Plane) -> Panel {
    let colour = |cluster: u32| colours::kind(cluster as usize);
    let title = match latents.clusters.origin {
        Origin::Posterior => "by component of the posterior",
        Origin::Prior => "by component of the prior",
        Origin::Fitted => "by cluster (a mixture fitted to these beliefs)",
    };
    let mut sizes = std::collections::BTreeMap::new();
    for moment in latents.scored() {
        *sizes.entry(moment.cluster).or_insert(0u64) += 1;
    }
    let entry = |(cluster, size): (&u32, &u64)| {
        Entry::new(Mark::Dot(colour(*cluster)), format!("{cluster}: {} beliefs", grouped(*size)))
    };
    let mut entries: Vec<Entry> = sizes.iter().map(entry).collect();
    let ellipses = ellipses(latents, plane);
    if !ellipses.is_empty() {
        entries.push(Entry::note("ellipses: 1 and 2 σ"));
        entries.push(Entry::note(match latents.clusters.origin {
            Origin::Fitted => "of the fitted mixture",
            Origin::Posterior | Origin::Prior => "of the prior",
        }));
    }
    let colours: Vec<RGBColor> = latents.moments.iter().map(|m| colour(m.cluster)).collect();
    let ellipses = ellipses.into_iter().map(|(k, ellipse)| (colour(k), ellipse));
    Panel {
        title: title.to_owned(),
        dots: dots(latents, plane, &colours),
        ellipses: ellipses.collect(),
        entries,
    }
}

/// Components that can be seen, with their numbers.
fn ellipses(latents: &Latents, plane: &Plane) -> Vec<(u32, Ellipse)> {
    let Some(pca) = plane.pca() else {
        return Vec::new();
    };
    let components = (0u32..).zip(&latents.clusters.components);
    components
        .filter(|(_, component)| component.weight >= VISIBLE)
        .map(|(k, component)| (k, Ellipse::of(component, pca)))
        .collect()
}

/// What is not looked at first, so that it lies below the rest.
fn dots(latents: &Latents, plane: &Plane, colours: &[RGBColor]) -> Vec<Dot> {
    let every = latents.moments.len().div_ceil(DRAWN).max(1);
    let drawn = latents.moments.iter().zip(colours).step_by(every);
    let dot = |(moment, colour): (&Moment, &RGBColor)| Dot {
        at: plane.place(moment),
        colour: if moment.scored { *colour } else { PALE },
        filled: moment.task.split == Split::Test,
        scored: moment.scored,
    };
    let mut dots: Vec<Dot> = drawn.map(dot).collect();
    dots.sort_by_key(|dot| dot.scored);
    dots
}

/// What the form of points says, as far as there are such points.
fn marks(latents: &Latents) -> Vec<Entry> {
    let train = latents.scored().any(|moment| moment.task.split == Split::Train);
    let test = latents.scored().any(|moment| moment.task.split == Split::Test);
    let pale = latents.moments.iter().any(|moment| !moment.scored);
    let all = [
        (test && train, Mark::Dot(OUTLINE), "test task"),
        (test && train, Mark::Ring(OUTLINE), "training task"),
        (pale, Mark::Dot(PALE), "early, not scored"),
    ];
    let shown = all.into_iter().filter(|(shown, ..)| *shown);
    shown.map(|(_, mark, text)| Entry::new(mark, text.to_owned())).collect()
}

/// Some values of a scale, the greatest first.
fn scale(name: &str, values: &[f64]) -> Vec<Entry> {
    const STEPS: u32 = 8;
    let (low, high) = colours::ends(values);
    let mut entries = vec![Entry::note(name)];
    entries.extend((0..=STEPS).rev().map(|step| {
        let part = f64::from(step) / f64::from(STEPS);
        Entry::new(Mark::Dot(colours::on_scale(part)), short(low + part * (high - low)))
    }));
    entries
}
