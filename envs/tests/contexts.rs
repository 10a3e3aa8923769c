//! An experiment's own contexts.

use anyhow::{Context, Result};
use envs::carl::context::Feature;
use envs::{Error, build, find};
use serde_json::{Value, json};
use types::{Environment, Role, Split, Task, stream};

fn environment(family: &str, train: Value, test: Value) -> Result<Environment> {
    let contexts = json!({ "seed": 7, "train": train, "test": test });
    Ok(serde_json::from_value(json!({ "family": family, "contexts": contexts }))?)
}

fn values(tasks: &[Task], name: &str) -> Result<Vec<f64>> {
    tasks.iter().map(|task| task.parameter(name).context("parameter")).collect()
}

#[test]
fn tasks_have_the_contexts_asked_for_and_else_the_defaults() -> Result<()> {
    let train = json!({ "count": 50, "features": {
        "gravity": { "low": 1.0, "high": 100.0, "scale": "log" },
        "length": { "low": 0.2, "high": 0.4, "scale": "linear" },
    }});
    let test = json!({ "count": 2, "features": {
        "tau": { "values": [0.01, 0.03] }, "length": { "values": [2.0, 1.0] },
    }});
    let family = build(&environment("carl-cartpole", train, test)?)?;
    let (train, test) = (family.tasks(Split::Train), family.tasks(Split::Test));
    assert_eq!((train.len(), test.len()), (50, 2));
    let gravities = values(&train, "gravity")?;
    assert!(gravities.iter().all(|g| (1.0..=100.0).contains(g)));
    // Half of them are below the geometric mean of the ends, give or take.
    let low = gravities.iter().filter(|g| **g < 10.0).count();
    assert!((12..=38).contains(&low), "{low}");
    assert!(values(&train, "length")?.iter().all(|l| (0.2..=0.4).contains(l)));
    assert!(values(&train, "tau")?.iter().all(|&tau| tau == 0.02));
    assert_eq!(values(&test, "tau")?, [0.01, 0.03]);
    assert_eq!(values(&test, "length")?, [2.0, 1.0]);
    assert_eq!(values(&test, "gravity")?, [9.8, 9.8]);

    let mut env = family.make()?;
    let mut rng = stream(1, Role::Environment, 0, 0);
    let mut observation = [0.0; 4];
    for task in train.iter().chain(&test) {
        env.reset(task, &mut rng, &mut observation)?;
        env.step(&[1.0, 0.0], &mut rng, &mut observation)?;
    }
    Ok(())
}

#[test]
fn what_no_context_can_be_is_refused() -> Result<()> {
    let refused = |family: &str, features: Value| -> Result<Option<Error>> {
        let set = json!({ "count": 2, "features": features });
        Ok(build(&environment(family, set.clone(), set)?).err())
    };
    let wide = json!({ "length": { "low": 0.01, "high": 1.0, "scale": "linear" } });
    let error = refused("carl-cartpole", wide)?.context("an error")?;
    assert_eq!(error.to_string(), "carl-cartpole: expected length within [0.05, 5], got 0.01");
    let unknown = json!({ "lenght": { "values": [1.0, 2.0] } });
    let error = refused("carl-cartpole", unknown)?.context("an error")?;
    assert!(matches!(error, Error::NoSuchParameter { .. }), "{error}");
    let short = json!({ "length": { "values": [1.0] } });
    let error = refused("carl-cartpole", short)?.context("an error")?;
    assert!(matches!(error, Error::Values { expected: 2, got: 1, .. }), "{error}");
    let error = refused("point-robot", json!({}))?.context("an error")?;
    assert_eq!(error, Error::NoFeatures { family: "point-robot" });
    Ok(())
}

#[test]
fn a_range_is_not_a_list() {
    let both = json!({ "count": 1, "features": {
        "length": { "low": 0.1, "high": 1.0, "scale": "linear", "values": [0.5] },
    }});
    let error = environment("carl-cartpole", both.clone(), both).map_err(|e| e.to_string());
    let expected = "expected a range { low, high, scale } or a list { values }";
    assert!(error.is_err_and(|e| e.contains(expected)));
}

#[test]
fn defaults_lie_within_bounds_and_default_lists_vary_what_they_name() -> Result<()> {
    let suite =
        envs::suites().iter().find(|suite| suite.name == "carl-classic").context("suite")?;
    for family in suite.families {
        for feature in family.features() {
            let bounds = feature.low..=feature.high;
            assert!(bounds.contains(&feature.default), "{} {feature:?}", family.name());
            for split in [Split::Train, Split::Test] {
                let values = values(&family.tasks(split), feature.name)?;
                let inside = values.iter().all(|value| bounds.contains(value));
                assert!(inside, "{} {feature:?} {values:?}", family.name());
            }
        }
        // Test contexts reach farther than training contexts, upward at least.
        let reach = |split| -> Result<Vec<[f64; 2]>> {
            let ends = |values: Vec<f64>| {
                [f64::min, f64::max].map(|of| values.iter().copied().fold(values[0], of))
            };
            let tasks = family.tasks(split);
            family.features().iter().map(|f| Ok(ends(values(&tasks, f.name)?))).collect()
        };
        let (train, test) = (reach(Split::Train)?, reach(Split::Test)?);
        let farther = |(a, b): &(&[f64; 2], &[f64; 2])| b[0] <= a[0] && b[1] > a[1];
        let varied = train.iter().filter(|[low, high]| low < high).count();
        assert!(varied > 0, "{}", family.name());
        let wider = train.iter().zip(&test).filter(farther).count();
        assert!(wider == varied, "{}: {wider} of {varied}", family.name());
    }
    let cartpole = find("carl-cartpole")?;
    assert_eq!((cartpole.tasks(Split::Train).len(), cartpole.tasks(Split::Test).len()), (100, 30));
    Ok(())
}

/// A value other than the default, within the bounds.
fn other_value(feature: &Feature) -> f64 {
    let near = |by: f64| (feature.default + by).clamp(feature.low, feature.high);
    let by = (0.1 * feature.default.abs()).max(1e-3);
    if near(by) == feature.default { near(-by) } else { near(by) }
}

/// Plays a few steps of the only training context of `family`, in which one feature varies.
fn play_other(family: &str, feature: &Feature) -> Result<()> {
    let value = other_value(feature);
    let set = json!({ "count": 1, "features": { feature.name: { "values": [value] } } });
    let family = build(&environment(family, set.clone(), set)?)?;
    let task = &family.tasks(Split::Train)[0];
    assert_eq!(task.parameter(feature.name), Some(value));

    let (spec, mut env) = (family.spec(), family.make()?);
    let mut rng = stream(1, Role::Environment, 0, 0);
    let mut observation = vec![0.0; spec.observation_dim];
    env.reset(task, &mut rng, &mut observation)?;
    for _ in 0..3 {
        env.step(&vec![0.5; spec.action_dim], &mut rng, &mut observation)?;
    }
    Ok(())
}

#[test]
fn every_family_of_carl_lets_an_experiment_vary_each_of_its_features() -> Result<()> {
    let suites = envs::suites().iter().filter(|suite| suite.name.starts_with("carl-"));
    for family in suites.flat_map(|suite| suite.families) {
        let (name, features) = (family.name(), family.features());
        let task = family.tasks(Split::Train).into_iter().next().context("a task")?;
        let parameters: Vec<&str> = task.parameters.iter().map(|p| p.name.as_str()).collect();
        let named: Vec<&str> = features.iter().map(|feature| feature.name).collect();
        assert_eq!(named, parameters, "{name}");
        assert!(!features.is_empty(), "{name}");
        for feature in features {
            let bounds = feature.low..=feature.high;
            assert!(bounds.contains(&feature.default), "{name} {feature:?}");
            play_other(name, feature).with_context(|| format!("{name} {feature:?}"))?;
        }
    }
    Ok(())
}
