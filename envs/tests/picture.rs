//! Pictures of all families.

use anyhow::{Context, Result, ensure};
use envs::picture::{Drawing, Form, Frame, Painter, Scene};
use envs::{Env, Error, TaskFamily, families, find};
use std::collections::BTreeSet;
use types::{Role, Split, stream};

const WIDTH: usize = 160;
const HEIGHT: usize = 120;

/// Steps that are played.
const STEPS: usize = 30;

fn is_finite(drawing: &Drawing) -> bool {
    let number = |value: &f64| value.is_finite();
    let point = |point: &[f64; 2]| point.iter().all(number);
    drawing.shapes.iter().all(|shape| match &shape.form {
        Form::Disc { centre, radius } => point(centre) && number(radius),
        Form::Line { from, to, width } => point(from) && point(to) && number(width),
        Form::Polygon(corners) => corners.iter().all(point),
    })
}

#[test]
fn every_family_says_what_it_looks_like() -> Result<()> {
    for family in families() {
        let name = family.name();
        let mut env = start(family).context(name)?;
        let drawing = match env.scene() {
            Scene::Physics(_) => continue,
            Scene::None => anyhow::bail!("{name}: give its Env a scene"),
            Scene::Drawing(drawing) => drawing,
        };
        ensure!(is_finite(&drawing), "{name}: {drawing:?}");
        let frame = Painter::new(WIDTH, HEIGHT).paint(Scene::Drawing(drawing))?;
        ensure!(colours(&frame).len() > 1, "{name}: an empty sheet");
    }
    Ok(())
}

/// An environment at the start of an episode.
fn start(family: &dyn TaskFamily) -> Result<Box<dyn Env>> {
    let mut env = family.make()?;
    let task = family.tasks(Split::Train).into_iter().next().context("a task")?;
    let mut observation = vec![0.0; family.spec().observation_dim];
    env.reset(&task, &mut stream(1, Role::Environment, 0, 0), &mut observation)?;
    Ok(env)
}

fn colours(frame: &Frame) -> BTreeSet<&[u8]> {
    frame.pixels.chunks_exact(3).collect()
}

/// Plays some steps and shows the environment after each.
fn play(
    family: &dyn TaskFamily,
    mut show: impl FnMut(&mut dyn Env) -> Result<()>,
) -> Result<Vec<f32>> {
    let spec = family.spec();
    let mut env = start(family)?;
    let mut rng = stream(2, Role::Environment, 0, 0);
    let mut observation = vec![0.0; spec.observation_dim];
    for step in 0..STEPS {
        let action = vec![if step % 2 == 0 { 1.0 } else { -0.5 }; spec.action_dim];
        env.step(&action, &mut rng, &mut observation)?;
        show(env.as_mut())?;
    }
    Ok(observation)
}

#[test]
fn physics_are_drawn_and_not_disturbed() -> Result<()> {
    let cheetah = find("cheetah-vel")?;
    let mut painter = Painter::new(WIDTH, HEIGHT);
    if let Err(error @ Error::NoRenderer { .. }) = painter.paint(start(cheetah)?.scene()) {
        eprintln!("SKIPPED: no pictures of physics were tested. {error}");
        return Ok(());
    }
    let undisturbed = play(cheetah, |_| Ok(()))?;
    let mut frames = vec![];
    let drawn = play(cheetah, |env| {
        frames.push(painter.paint(env.scene())?);
        Ok(())
    })?;
    assert_eq!(drawn, undisturbed);
    for frame in &frames {
        ensure!((frame.width, frame.height) == (WIDTH, HEIGHT));
        ensure!(frame.pixels.len() == 3 * WIDTH * HEIGHT);
        ensure!(colours(frame).len() > 50, "shading, sky and floor: {}", colours(frame).len());
    }
    ensure!(frames.first() != frames.last(), "it does not move");
    Ok(())
}
