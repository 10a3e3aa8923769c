//! Two steps of coordinate ascent, held against bnpy (`fixtures/record.py`).

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use mixture::{Component, Mixture, Moves, Settings, Stick, fit};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    settings: Prior,
    dim: usize,
    rows: Vec<f32>,
    before: Posterior,
    after: Posterior,
    responsibilities: Vec<f64>,
    weights: Vec<f64>,
    variances: Vec<f64>,
    bounds: [f64; 2],
}

#[derive(Deserialize)]
struct Prior {
    concentration: f64,
    scale: f64,
    kappa: f64,
}

#[derive(Deserialize)]
struct Posterior {
    nu: Vec<f64>,
    kappa: Vec<f64>,
    mean: Vec<Vec<f64>>,
    beta: Vec<Vec<f64>>,
    taken: Vec<f64>,
    left: Vec<f64>,
}

impl Posterior {
    fn mixture(&self) -> Mixture {
        let component = |k: usize| Component {
            nu: self.nu[k],
            kappa: self.kappa[k],
            mean: self.mean[k].clone(),
            beta: self.beta[k].clone(),
        };
        let stick = |k: usize| Stick { taken: self.taken[k], left: self.left[k] };
        let components = 0..self.nu.len();
        Mixture::new(components.clone().map(component).collect(), components.map(stick).collect())
            .unwrap()
    }
}

fn assert_close(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        let tolerance = 1e-9 * expected.abs().max(1.0);
        assert!((got - expected).abs() <= tolerance, "{what}: got {got}, recorded {expected}");
    }
}

#[test]
fn two_steps_are_those_of_bnpy() {
    let recorded: Recorded = serde_json::from_str(include_str!("../fixtures/bnpy.json")).unwrap();
    let before = recorded.before.mixture();
    let mut shares = vec![0.0; recorded.responsibilities.len()];
    before.responsibilities(&recorded.rows, &mut shares).unwrap();
    assert_close(&shares, &recorded.responsibilities, "responsibilities");

    let Prior { concentration, scale, kappa } = recorded.settings;
    let prior = Settings { concentration, scale, kappa, ..Settings::melts() };
    let settings = Settings { batches: 1, laps: 1, moves: Moves::NONE, ..prior };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (mixture, report) =
        fit(&recorded.rows, recorded.dim, &settings, Some(&before), &mut rng).unwrap();

    let bounds: Vec<f64> = report.trace.iter().map(|entry| entry.bound).collect();
    assert_close(&bounds, &recorded.bounds, "bounds");
    let after = recorded.after.mixture();
    assert_close(&mixture.means(), &after.means(), "means");
    for (got, expected) in mixture.parameters().iter().zip(after.parameters()) {
        assert_close(&[got.nu, got.kappa], &[expected.nu, expected.kappa], "nu, kappa");
        assert_close(&got.beta, &expected.beta, "beta");
    }
    assert_close(&mixture.weights(), &recorded.weights, "weights");
    assert_close(&mixture.variances(), &recorded.variances, "variances");
}
