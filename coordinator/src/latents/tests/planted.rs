//! An evaluation whose beliefs lie where they should.

use proto::v1;
use types::{EnvSpec, FamilySpec, Parameter, Split, Task, TaskRef};

const STEPS: [u32; 6] = [0, 20, 40, 60, 80, 100];

/// What is planted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Tasks in each split.
    pub(super) tasks: u32,
    /// Whether tasks are variants of up to four base tasks.
    pub(super) base_tasks: bool,
    /// Whether the task changes in the middle of an episode.
    pub(super) changes: bool,
    /// Whether the prior has components.
    pub(super) components: bool,
    /// Dimension of the latent.
    pub(super) latent: usize,
    /// Unit of the latent.
    pub(super) scale: f32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            tasks: 12,
            base_tasks: true,
            changes: false,
            components: false,
            latent: 3,
            scale: 1.0,
        }
    }
}

pub(super) fn family(plan: &Plan) -> FamilySpec {
    let list = |split| (0..plan.tasks).map(|index| task(plan, TaskRef { split, index })).collect();
    FamilySpec {
        name: "planted <&> grown".to_owned(),
        summary: "Nothing happens.".to_owned(),
        env: EnvSpec::new(1, 1, 100),
        train: list(Split::Train),
        test: list(Split::Test),
        reference: None,
    }
}

fn task(plan: &Plan, id: TaskRef) -> Task {
    let parameter = |name: &str, value| Parameter { name: name.to_owned(), value };
    let mut parameters = vec![parameter("mass", 1.0), parameter("goal", goal(id.index))];
    if plan.base_tasks {
        parameters.insert(0, parameter("base_task", f64::from(kind(id.index))));
    }
    Task { id, parameters }
}

fn goal(index: u32) -> f64 {
    f64::from(index) - 10.0
}

fn kind(index: u32) -> u32 {
    index % 4
}

/// Where beliefs about tasks of a kind lie, in the first two dimensions.
fn corner(kind: u32) -> [f32; 2] {
    [[-2.0, -2.0], [-2.0, 2.0], [2.0, -2.0], [2.0, 2.0]][kind as usize]
}

pub(super) fn evaluation(plan: &Plan) -> v1::Evaluation {
    let tasks = [1, 2].into_iter().flat_map(|split| (0..plan.tasks).map(move |i| (split, i)));
    let score = |(split, index)| v1::TaskScore {
        task: Some(v1::TaskRef { split, index }),
        returns: vec![-2.0, -1.0],
        episodes: (0..2).map(|episode| beliefs(plan, split, index, episode)).collect(),
        reward_error: Some(0.25),
        observation_error: None,
    };
    v1::Evaluation {
        number: 7,
        env_steps: 12_000,
        updates: 30,
        version: 4,
        tasks: tasks.map(score).collect(),
        components: if plan.components { components(plan) } else { Vec::new() },
        ..v1::Evaluation::default()
    }
}

fn beliefs(plan: &Plan, split: u32, index: u32, episode: u32) -> v1::Beliefs {
    let belief = |step: u32| {
        let in_force = if plan.changes && step > 50 { (index + 1) % plan.tasks } else { index };
        belief(plan, split, in_force, episode, step)
    };
    v1::Beliefs { beliefs: STEPS.into_iter().map(belief).collect() }
}

/// Near the prior at first, and in the corner of its kind as the episode goes on.
fn belief(plan: &Plan, split: u32, task: u32, episode: u32, step: u32) -> v1::Belief {
    let known = (step as f32 / 40.0).min(1.0);
    let corner = corner(kind(task));
    let noise = |at: u32| noise(&[split, task, episode, step, at]);
    let mean = (0u32..).take(plan.latent).map(|at| {
        let place = corner.get(at as usize).copied().unwrap_or(0.0);
        plan.scale * (known * place + 0.6 * noise(at))
    });
    v1::Belief {
        step,
        task,
        mean: mean.collect(),
        variance: vec![plan.scale * plan.scale * (1.1 - known); plan.latent],
        component: kind(task) / 2,
    }
}

/// Between -0.5 and 0.5, without a pattern, and the same each time.
fn noise(key: &[u32]) -> f32 {
    let mix = |hash: u32, word: &u32| {
        let mixed = (hash ^ word).wrapping_mul(2_654_435_761);
        (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519)
    };
    let hash = key.iter().fold(17, mix);
    (hash >> 8) as f32 / (1u32 << 24) as f32 - 0.5
}

/// One for each kind, the last kind first.
fn components(plan: &Plan) -> Vec<v1::Component> {
    let component = |kind| {
        let mut mean = vec![0.0; plan.latent];
        mean.iter_mut().zip(corner(kind)).for_each(|(x, place)| *x = place * plan.scale);
        v1::Component {
            weight: 0.25,
            mean,
            variance: vec![plan.scale * plan.scale * 0.3; plan.latent],
        }
    };
    (0..4).rev().map(component).collect()
}
