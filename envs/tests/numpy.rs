//! The generator gives NumPy's numbers (`fixtures/record_numpy.py`).

use anyhow::{Result, ensure};
use envs::numpy::NumpyRandom;
use serde_json::Value;
use std::collections::BTreeMap;

const CHOICES: [usize; 8] = [1, 2, 3, 100, 65_536, 65_537, 1 << 31, 1 << 32];

/// Logarithms and roots may differ in the last bit between implementations; all else is exact.
const TOLERANCE: f64 = 1e-14;

#[test]
fn calls_in_turn_give_the_recorded_numbers() -> Result<()> {
    let text = include_str!("../fixtures/numpy.json");
    let recorded: BTreeMap<u32, BTreeMap<String, Vec<Value>>> = serde_json::from_str(text)?;
    ensure!(!recorded.is_empty());
    for (seed, rows) in recorded {
        let mut random = NumpyRandom::new(seed);
        for turn in 0..8 {
            let uniform = random.uniform(-3.0, 5.0);
            ensure!(rows["uniform"][turn].as_f64() == Some(uniform), "{seed}: {uniform}");
            for expected in &rows["normal"][turn * 3..][..3] {
                let (normal, expected) = (random.normal(1.0, 2.0), expected.as_f64());
                let near = expected.is_some_and(|e| (e - normal).abs() <= TOLERANCE);
                ensure!(near, "{seed}: {normal}, expected {expected:?}");
            }
            for (expected, count) in rows["choice"][turn * 8..].iter().zip(CHOICES) {
                let choice = random.choice(count) as u64;
                ensure!(expected.as_u64() == Some(choice), "{seed}: {choice} of {count}");
            }
            let mut numbers: Vec<u64> = (0..turn as u64 * 3).collect();
            random.shuffle(&mut numbers);
            ensure!(rows["shuffle"][turn] == Value::from(numbers.clone()), "{seed}: {numbers:?}");
        }
    }
    Ok(())
}
