//! EPI's Striker (Zhou et al., 2019, arXiv 1907.11740), after OpenAI Gym's of the same name.

use super::{distance, plan};
use crate::Error;
use crate::body::{Body, Noise, Plan};
use crate::mujoco::Simulation;
use rand_chacha::ChaCha8Rng;

/// EPI's Striker: an arm of seven joints, a ball on a table, and a goal.
pub static STRIKER: Plan = plan("proteus/striker.xml", 5, [16, 15, 7], 0.0, Noise::Uniform(0.1));

/// The Striker under its rules.
///
/// Observation: angles (7) and velocities (7) of the joints, places of the hand (3), of the ball (3)
/// and of the goal (3). Reward: -3 · distance of ball and goal - 0.5 · distance of ball and hand -
/// 0.1 ‖u‖²; once the hand has come nearer than 0.1 m to the ball, the place where it last was so near
/// stands in for the hand. It is never over. Places are centres of mass, as in the version of Gym that
/// it was written for; the reward is that of the state after the step, there of the state before it.
#[derive(Debug)]
pub struct Striker {
    body: Body,
    struck_at: Option<[f64; 3]>,
}

const HAND: usize = 10;
const BALL: usize = 11;
const GOAL: usize = 12;
const JOINTS: usize = 7;

/// Where hand and ball count as touching, m.
const STRIKE: f64 = 0.1;

/// The pose of the arm at the start, rad.
const POSE: [f64; JOINTS] = [-0.2, 0.5, -1.7, -1.5, 1.0, 0.0, 0.0];

/// Where the ball lies at the start, x and y, m.
const BALL_AT: [f64; 2] = [0.5, -0.3];

/// Where the goal is, x and y, m.
const GOAL_AT: [f64; 2] = [0.0, 1.0];

impl Striker {
    /// Numbers in an observation.
    pub const OBSERVATION: usize = 7 + 7 + 9;

    /// Steps after which an episode is truncated.
    pub const HORIZON: usize = 200;

    /// The bodies with parameters of a task.
    pub const BALL: usize = BALL;

    /// Degrees of freedom of the ball: along y and x.
    pub const BALL_SLIDES: [usize; 2] = [JOINTS, JOINTS + 1];

    /// Builds the simulation; call [`Striker::reset`] next.
    ///
    /// # Errors
    /// [`Error::Model`] when MuJoCo does not take the model.
    pub fn new() -> Result<Self, Error> {
        let body = Body::new(&STRIKER)?;
        for (name, id) in [("tips_arm", HAND), ("object", BALL), ("goal", GOAL)] {
            body.simulation().expect_body(name, id)?;
        }
        Ok(Self { body, struck_at: None })
    }

    /// Puts the arm behind the ball, which lies at rest.
    pub fn reset(&mut self, rng: &mut ChaCha8Rng) {
        self.body.reset_with(rng, |simulation, _| place(simulation));
        self.struck_at = None;
    }

    /// Takes `action`, `[7]`, in [-1, 1] of the motors' ranges, and gives the reward.
    ///
    /// # Errors
    /// As [`Body::step`].
    pub fn step(&mut self, action: &[f32]) -> Result<f64, Error> {
        self.body.step(action)?;
        let [hand, ball, goal] = [HAND, BALL, GOAL].map(|part| *self.centre(part));
        if distance(&hand, &ball) < STRIKE {
            self.struck_at = Some(hand);
        }
        let near = distance(&ball, &self.struck_at.unwrap_or(hand));
        Ok(-3.0 * distance(&ball, &goal) - 0.5 * near - 0.1 * self.body.effort())
    }

    /// What is observed, [`Striker::OBSERVATION`] numbers.
    pub fn observation(&self) -> impl Iterator<Item = f64> {
        let state = self.body.simulation();
        let joints = state.qpos()[..JOINTS].iter().chain(&state.qvel()[..JOINTS]);
        let places = [HAND, BALL, GOAL].into_iter().flat_map(|part| self.centre(part));
        joints.chain(places).copied()
    }

    /// Arm, ball and goal.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Arm, ball and goal, to put them into a state or to change their physics.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// Centre of mass of a part and what hangs on it, m; as old as [`Body::torso`].
    fn centre(&self, part: usize) -> &[f64; 3] {
        &self.body.simulation().data().subtree_com()[part]
    }
}

fn place(simulation: &mut Simulation) {
    let ([ball_x, ball_y], [goal_x, goal_y]) = (BALL_AT, GOAL_AT);
    let (arm, rest) = simulation.qpos_mut().split_at_mut(JOINTS);
    arm.copy_from_slice(&POSE);
    // The slides of the ball in the order of the model, then place and quaternion of the goal, of
    // which EPI sets the last number so that the goal faces the ball, roughly.
    let turn = ((ball_x - goal_x) / (goal_y - ball_y)).atan() / std::f64::consts::PI;
    let [.., last] = rest else { return };
    *last = turn;
    rest[..4].copy_from_slice(&[ball_y, ball_x, goal_x, goal_y]);
    simulation.qvel_mut()[JOINTS..].fill(0.0);
}
