//! All there is to know about a family.

use envs::picture::Scene;
use envs::{Card, TaskFamily, suites};
use serde::Serialize;
use types::{FamilySpec, Role, Split, stream};

/// A family, for people and for their scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Portrait {
    /// Name of its suite.
    pub suite: &'static str,
    /// Shapes, horizon, tasks and yardsticks.
    #[serde(flatten)]
    pub family: FamilySpec,
    /// What it is, in words.
    pub card: Card,
    /// What can be done with it.
    pub traits: Traits,
    /// What of its physics an experiment may vary.
    pub features: Vec<Feature>,
}

/// A number of the physics that contexts may change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// Its value unless a context says otherwise.
    pub default: f64,
    /// The least value it may have, if there is one.
    pub low: Option<f64>,
    /// The greatest value it may have, if there is one.
    pub high: Option<f64>,
}

/// What can be done with a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Traits {
    /// It has a policy that is as good as any, see [`envs::Oracle`].
    pub oracle: bool,
    /// Its tasks can change with the place of the agent, see [`envs::Env::position`].
    pub place: bool,
    /// What its pictures are made of.
    pub picture: Picture,
}

/// What the pictures of a family are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Picture {
    /// MuJoCo's renderer makes them.
    Physics,
    /// Shapes on a plane.
    Drawing,
    /// There are none.
    None,
}

/// All about `family`.
///
/// # Errors
/// What keeps it from being built and played.
pub fn show(family: &dyn TaskFamily) -> Result<Portrait, envs::Error> {
    Ok(Portrait {
        suite: suite_of(family.name()),
        traits: traits(family)?,
        card: family.card(),
        features: family.features().iter().map(feature).collect(),
        family: envs::describe(family)?,
    })
}

/// The name of the suite that has the family called `name`; nothing for a family of no suite.
fn suite_of(name: &str) -> &'static str {
    let has = |suite: &&envs::Suite| suite.families.iter().any(|family| family.name() == name);
    suites().iter().find(has).map_or("", |suite| suite.name)
}

/// JSON has no infinities: such a bound is none.
fn feature(feature: &envs::carl::context::Feature) -> Feature {
    let bound = |value: f64| Some(value).filter(|value| value.is_finite());
    let (low, high) = (bound(feature.low), bound(feature.high));
    Feature { name: feature.name, default: feature.default, low, high }
}

fn traits(family: &dyn TaskFamily) -> Result<Traits, envs::Error> {
    let mut env = family.make()?;
    let mut oracle = false;
    if let Some(task) = family.tasks(Split::Train).first() {
        let mut observation = vec![0.0; family.spec().observation_dim];
        env.reset(task, &mut stream(0, Role::Reference, 0, 0), &mut observation)?;
        oracle = family.oracle(task).is_some();
    }
    let picture = match env.scene() {
        Scene::Physics(_) => Picture::Physics,
        Scene::Drawing(_) => Picture::Drawing,
        Scene::None => Picture::None,
    };
    Ok(Traits { oracle, place: env.position().is_some(), picture })
}
