//! All task families there are.

use crate::{CheetahDir, CheetahVel, Error, PointRobot, SparsePointRobot, TaskFamily};

static FAMILIES: &[&dyn TaskFamily] = &[&PointRobot, &SparsePointRobot, &CheetahVel, &CheetahDir];

/// How alike a name must be to be suggested, from 0 (nothing in common) to 1 (equal).
const ALIKE: f64 = 0.5;

/// The registered families.
#[must_use]
pub fn families() -> &'static [&'static dyn TaskFamily] {
    FAMILIES
}

/// The family called `name`.
///
/// # Errors
/// [`Error::UnknownFamily`] lists the names there are and suggests the nearest.
pub fn find(name: &str) -> Result<&'static dyn TaskFamily, Error> {
    let found = FAMILIES.iter().find(|family| family.name() == name);
    found.copied().ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    let known: Vec<&str> = FAMILIES.iter().map(|family| family.name()).collect();
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
}
