//! The task lists are the published ones, as NumPy draws them (`fixtures/record_numpy.py`);
//! the other lists of CEMRL are in `cemrl.rs`.

use envs::find;
use std::collections::BTreeMap;
use types::{Split, Task};

/// Cosines, sines, powers and logarithms may differ in the last bits between implementations; all
/// else is exact.
const TOLERANCE: f64 = 1e-15;

#[test]
fn task_lists_equal_those_recorded_from_numpy() -> anyhow::Result<()> {
    let text = include_str!("../fixtures/tasks.json");
    let recorded: BTreeMap<String, Vec<Vec<f64>>> = serde_json::from_str(text)?;
    let train_tasks = BTreeMap::from([
        ("point-robot", 80),
        ("sparse-point-robot", 80),
        ("cheetah-vel", 100),
        ("cheetah-dir", 2),
        ("ant-dir", 2),
        ("ant-dir-forward-backward", 2),
        ("ant-goal", 150),
        ("humanoid-dir", 100),
        ("walker-rand-params", 40),
        ("hopper-rand-params", 40),
        ("cheetah-multi-task", 80),
        ("cheetah-multi-task-vel", 100),
        ("cheetah-multi-task-dir", 2),
        ("ant-multi-task", 90),
        ("smrl-cheetah-goal", 100),
        ("smrl-cheetah-goal-one-sided", 100),
        ("smrl-cheetah-velocity", 100),
        ("smrl-cheetah-direction", 2),
        ("smrl-ant-goal", 100),
        ("smrl-ant-goal-one-sided", 100),
        ("smrl-ant-velocity", 100),
        ("smrl-hopper-goal", 100),
        ("smrl-walker-goal", 100),
        ("smrl-swimmer-goal", 100),
        ("toy1d", 100),
        ("toy1d-unbounded", 100),
        ("toy1d-domain-rand", 100),
        ("toy1d-multi-task", 80),
        ("carl-pendulum", 100),
        ("cheetah-hfield-rand-params", 40),
        ("carl-lunar-lander", 100),
        ("carl-bipedal-walker", 100),
    ]);
    for (name, rows) in &recorded {
        let name = name.as_str();
        let family = find(name)?;
        let train = family.tasks(Split::Train);
        assert_eq!(train.len(), train_tasks[name], "{name}");
        let tasks: Vec<Task> = train.into_iter().chain(family.tasks(Split::Test)).collect();
        assert_eq!(tasks.len(), rows.len(), "{name}");
        for (task, row) in tasks.iter().zip(rows) {
            let values: Vec<f64> = task.parameters.iter().map(|p| p.value).collect();
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * b.abs().max(1.0);
            assert_eq!(values.len(), row.len(), "{name} {}", task.id);
            assert!(values.iter().zip(row).all(near), "{name} {}: {values:?} {row:?}", task.id);
        }
    }
    Ok(())
}
