//! The walker on its ground.

use super::super::{Draw, single};
use super::context::Context;
use super::terrain;
use crate::Error;
use crate::env::narrow;
use box2d::{Body, Hinge, Joint, Material, Motion, Shape, World};

/// Corners of the hull, pixels.
const HULL: [[f64; 2]; 5] = [[-30.0, 9.0], [6.0, 9.0], [34.0, 1.0], [34.0, -8.0], [-30.0, -8.0]];

/// Bits of what collides: the walker with the ground, not with itself.
pub(super) const GROUND: u16 = 0x01;
const WALKER: u16 = 0x20;

/// A lower leg is that much thinner than an upper one.
const THINNER: f64 = 0.8;

/// What legs are made of.
const LIMB: Material =
    Material { density: 1.0, friction: 0.2, restitution: 0.0, category: WALKER, mask: GROUND };

/// The parts that a step looks at.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) world: World,
    pub(super) ground: Vec<Body>,
    pub(super) hull: Body,
    /// Lower legs: what may touch the ground.
    pub(super) feet: [Body; 2],
    /// Hip and knee of the first leg, then of the second.
    pub(super) joints: [Joint; 4],
}

/// Builds the world of an episode.
pub(super) fn build(context: &Context, draw: &mut impl Draw) -> Result<Parts, Error> {
    let mut world = World::new(single(context.gravity));
    let ground = ground(&mut world, context, draw)?;
    let x = context.terrain_step * context.terrain_startpad / 2.0;
    let y = context.terrain_height + 2.0 * context.leg[1];
    let hull = hull(&mut world, context, [x, y])?;
    let random = context.initial_random;
    world.push(hull, single([draw.uniform(-random, random), 0.0]));
    let first = leg(&mut world, context, hull, [x, y], -1.0)?;
    let second = leg(&mut world, context, hull, [x, y], 1.0)?;
    let feet = [first.foot, second.foot];
    let joints = [first.hip, first.knee, second.hip, second.knee];
    Ok(Parts { world, ground, hull, feet, joints })
}

/// One body for each stretch, from left to right.
fn ground(world: &mut World, context: &Context, draw: &mut impl Draw) -> Result<Vec<Body>, Error> {
    let heights = terrain::heights(context, draw);
    let material = Material { friction: narrow(context.friction), ..Material::default() };
    let corner = |index: usize| single([index as f64 * context.terrain_step, heights[index]]);
    let mut stretch = |index| {
        let body = world.add_body(Motion::Static, [0.0, 0.0], 0.0)?;
        world.attach(body, Shape::Edge([corner(index), corner(index + 1)]), &material)?;
        Ok(body)
    };
    (0..heights.len() - 1).map(&mut stretch).collect()
}

fn hull(world: &mut World, context: &Context, start: [f64; 2]) -> Result<Body, Error> {
    let hull = world.add_body(Motion::Dynamic, single(start), 0.0)?;
    let corners = HULL.map(|corner| single(corner.map(|pixels| pixels / context.scale)));
    let material = Material { density: 5.0, friction: 0.1, ..LIMB };
    world.attach(hull, Shape::Polygon(&corners), &material)?;
    Ok(hull)
}

struct Leg {
    foot: Body,
    hip: Joint,
    knee: Joint,
}

fn leg(
    world: &mut World,
    context: &Context,
    hull: Body,
    [x, y]: [f64; 2],
    side: f64,
) -> Result<Leg, Error> {
    let [width, height] = context.leg;
    let tilt = narrow(side * 0.05);
    let limb = |world: &mut World, y: f64, width: f64| {
        let body = world.add_body(Motion::Dynamic, single([x, y]), tilt)?;
        let half = single([width / 2.0, height / 2.0]);
        world.attach(body, Shape::Rectangle(half), &LIMB)?;
        Ok::<_, Error>(body)
    };
    let hinge = |a: f64, lower: f64, upper: f64, speed: f64| Hinge {
        anchor_a: single([0.0, a]),
        anchor_b: single([0.0, height / 2.0]),
        lower: narrow(lower),
        upper: narrow(upper),
        speed: narrow(speed),
        torque: narrow(context.motors_torque),
    };
    let thigh = limb(world, y - height / 2.0 - context.leg_down, width)?;
    let hip = world.add_hinge(hull, thigh, &hinge(context.leg_down, -0.8, 1.1, side))?;
    let foot = limb(world, y - height * 3.0 / 2.0 - context.leg_down, THINNER * width)?;
    let knee = world.add_hinge(thigh, foot, &hinge(-height / 2.0, -1.6, -0.1, 1.0))?;
    Ok(Leg { foot, hip, knee })
}
