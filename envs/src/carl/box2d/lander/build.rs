//! The moon, and the lander above it.

use super::super::{Draw, single};
use super::context::Context;
use crate::Error;
use crate::env::narrow;
use box2d::{Body, Hinge, Joint, Material, Motion, Shape, World};

/// Stretches of ground from the left edge of the world to the right.
const STRETCHES: usize = 10;

/// The corners of the ground, counted from the left, that have the height of the landing pad before
/// everything is smoothed.
const PAD: std::ops::RangeInclusive<usize> = 3..=7;

/// Corners of the hull, pixels.
const HULL: [[f64; 2]; 6] =
    [[-14.0, 17.0], [-17.0, 0.0], [-17.0, -10.0], [17.0, -10.0], [17.0, 0.0], [14.0, 17.0]];

/// Bits of what collides: everything with the ground, nothing else.
const GROUND: u16 = 0x01;
const HULL_CATEGORY: u16 = 0x10;
const LEG_CATEGORY: u16 = 0x20;

/// The sides of the two legs, in the order of the observation: the first stands to the right of the
/// hull, and its spring pulls with a negative speed.
pub(super) const SIDES: [f64; 2] = [-1.0, 1.0];

/// The parts that a step looks at.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) world: World,
    pub(super) hull: Body,
    pub(super) legs: [Body; 2],
    pub(super) springs: [Joint; 2],
}

/// Height of the landing pad, m.
pub(super) fn pad_height(context: &Context) -> f64 {
    context.viewport[1] / context.scale / 4.0
}

/// The speed at which a spring pulls its leg, rad/s: slow, so that it does not throw the lander up.
pub(super) fn spring_speed(side: f64) -> f64 {
    0.3 * side
}

/// Builds the world of an episode.
pub(super) fn build(context: &Context, draw: &mut impl Draw) -> Result<Parts, Error> {
    let mut world = World::new(single(context.gravity));
    ground(&mut world, context, draw)?;
    let start = [context.viewport[0] / context.scale / 2.0, context.viewport[1] / context.scale];
    let hull = hull(&mut world, context, start)?;
    let random = context.initial_random;
    let force = [draw.uniform(-random, random), draw.uniform(-random, random)];
    world.push(hull, single(force));
    let (first, first_spring) = leg(&mut world, context, hull, start, SIDES[0])?;
    let (second, second_spring) = leg(&mut world, context, hull, start, SIDES[1])?;
    Ok(Parts { world, hull, legs: [first, second], springs: [first_spring, second_spring] })
}

/// Random heights, smoothed, but for the pad.
fn ground(world: &mut World, context: &Context, draw: &mut impl Draw) -> Result<(), Error> {
    let [width, height] = context.viewport.map(|pixels| pixels / context.scale);
    let mut rough = [0.0; STRETCHES + 2];
    rough.fill_with(|| draw.uniform(0.0, height / 2.0));
    rough[PAD].fill(pad_height(context));
    let corner = |index: usize| {
        let x = width / STRETCHES as f64 * index as f64;
        // The first corner has the last height as its left neighbour, as in Gymnasium.
        let before = rough[(index + rough.len() - 1) % rough.len()];
        single([x, 0.33 * (before + rough[index] + rough[index + 1])])
    };
    let moon = world.add_body(Motion::Static, [0.0, 0.0], 0.0)?;
    let floor = [[0.0, 0.0], single([width, 0.0])];
    world.attach(moon, Shape::Edge(floor), &Material::default())?;
    let dust = Material { friction: 0.1, ..Material::default() };
    for index in 0..STRETCHES {
        world.attach(moon, Shape::Edge([corner(index), corner(index + 1)]), &dust)?;
    }
    Ok(())
}

fn hull(world: &mut World, context: &Context, start: [f64; 2]) -> Result<Body, Error> {
    let hull = world.add_body(Motion::Dynamic, single(start), 0.0)?;
    let corners = HULL.map(|corner| single(corner.map(|pixels| pixels / context.scale)));
    let material = Material {
        density: 5.0,
        friction: 0.1,
        category: HULL_CATEGORY,
        mask: GROUND,
        ..Material::default()
    };
    world.attach(hull, Shape::Polygon(&corners), &material)?;
    Ok(hull)
}

fn leg(
    world: &mut World,
    context: &Context,
    hull: Body,
    [x, y]: [f64; 2],
    side: f64,
) -> Result<(Body, Joint), Error> {
    let away = side * context.leg_away / context.scale;
    let leg = world.add_body(Motion::Dynamic, single([x - away, y]), narrow(side * 0.05))?;
    let half = context.leg.map(|pixels| pixels / context.scale);
    let material =
        Material { density: 1.0, category: LEG_CATEGORY, mask: GROUND, ..Material::default() };
    world.attach(leg, Shape::Rectangle(single(half)), &material)?;
    let [lower, upper] = if side < 0.0 { [0.9 - 0.5, 0.9] } else { [-0.9, -0.9 + 0.5] };
    let hinge = Hinge {
        anchor_a: [0.0, 0.0],
        anchor_b: single([away, context.leg_down / context.scale]),
        lower: narrow(lower),
        upper: narrow(upper),
        speed: narrow(spring_speed(side)),
        torque: narrow(context.leg_spring_torque),
    };
    let spring = world.add_hinge(hull, leg, &hinge)?;
    Ok((leg, spring))
}
