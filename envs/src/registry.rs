//! All task families there are, by suite.

use crate::{Error, TaskFamily, carl, cemrl, pearl, smrl, tigr, toy};

/// Families that belong together: one table of `docs/tasks.md`.
#[derive(Clone, Copy)]
pub struct Suite {
    /// Short name.
    pub name: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Its families.
    pub families: &'static [&'static dyn TaskFamily],
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.families.iter().map(|family| family.name()).collect();
        f.debug_struct("Suite").field("name", &self.name).field("families", &names).finish()
    }
}

static SUITES: &[Suite] = &[
    Suite {
        name: "toy",
        summary: "Points on a line or a plane, with or without inertia, that look for a goal.",
        families: toy::FAMILIES,
    },
    Suite {
        name: "pearl",
        summary: "Points on a plane and MuJoCo bodies whose goal, direction, speed or build varies.",
        families: pearl::FAMILIES,
    },
    Suite {
        name: "cemrl",
        summary: "MuJoCo bodies whose task changes within an episode, or whose build varies.",
        families: cemrl::FAMILIES,
    },
    Suite {
        name: "tigr",
        summary: "HalfCheetah and Ant with several kinds of task, told apart by their rewards alone.",
        families: tigr::FAMILIES,
    },
    Suite {
        name: "smrl",
        summary: "MuJoCo bodies with goals, velocities and directions far apart.",
        families: smrl::FAMILIES,
    },
    Suite {
        name: "carl-classic",
        summary: "Classic control whose physics vary.",
        families: carl::classic::FAMILIES,
    },
    Suite {
        name: "carl-box2d",
        summary: "Box2D's lander and walker whose physics vary.",
        families: carl::box2d::FAMILIES,
    },
    Suite {
        name: "carl-mujoco",
        summary: "MuJoCo bodies whose gravity, friction, masses, damping and motors vary.",
        families: carl::mujoco::FAMILIES,
    },
];

/// How alike a name must be to be suggested, from 0 (nothing in common) to 1 (equal).
const ALIKE: f64 = 0.5;

/// The suites, in the order of the documentation.
#[must_use]
pub fn suites() -> &'static [Suite] {
    SUITES
}

/// The registered families, suite by suite.
pub fn families() -> impl Iterator<Item = &'static dyn TaskFamily> {
    SUITES.iter().flat_map(|suite| suite.families.iter().copied())
}

/// The family called `name`.
///
/// # Errors
/// [`Error::UnknownFamily`] lists the names there are and suggests the nearest.
pub fn find(name: &str) -> Result<&'static dyn TaskFamily, Error> {
    families().find(|family| family.name() == name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    let known: Vec<&str> = families().map(|family| family.name()).collect();
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let nearest = known
        .iter()
        .map(|known| (likeness(known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness >= ALIKE);
    Error::UnknownFamily {
        name: name.to_owned(),
        hint: nearest.map_or_else(String::new, |(_, n)| format!("; did you mean \"{n}\"?")),
        known: known.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn message(name: &str) -> String {
        find(name).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_unknown_name_lists_the_known_and_suggests_the_nearest() {
        assert!(message("cheetah-vle").ends_with("did you mean \"cheetah-vel\"?"));
        assert!(message("PointRobot").contains("sparse-point-robot, cheetah-vel"));
        assert!(!message("zzz").contains("did you mean"));
        for family in families() {
            assert_eq!(message(family.name()), "");
        }
    }

    #[test]
    fn a_name_is_registered_once() {
        let names: BTreeSet<&str> = families().map(|family| family.name()).collect();
        assert_eq!(names.len(), families().count());
    }
}
