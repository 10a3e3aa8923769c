//! Planted clusters are found again, from one component.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../examples/planted/mod.rs"]
mod planted;

use mixture::scores::{adjusted_rand_index, purity};
use mixture::{Mixture, Moves, Settings, fit};
use planted::Planted;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

fn assert_recovered(set: &Planted, mixture: &Mixture, how: &str) {
    let labels = mixture.labels(&set.data).unwrap();
    let score = adjusted_rand_index(&labels, &set.classes).unwrap();
    let best = adjusted_rand_index(&set.optimal, &set.classes).unwrap();
    let found = mixture.components();
    assert!(score >= 0.95, "{how}, {}: ARI {score}, at best {best}", set.name);
    assert!(found.abs_diff(set.components) <= 1, "{how}, {}: {found} components", set.name);
    assert!(purity(&labels, &set.classes).unwrap() >= 0.95);
}

#[test]
fn one_fit_recovers_planted_clusters() {
    let settings = Settings { laps: 100, moves: Moves::ALL, ..Settings::melts() };
    for seed in 1..=4 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for set in planted::sets(4096, seed) {
            let (mixture, report) = fit(&set.data, set.dim, &settings, None, &mut rng).unwrap();
            assert!(report.converged, "{}", set.name);
            assert_recovered(&set, &mixture, "one fit");
        }
    }
}

/// As an encoder in training is followed: two laps an epoch, each from the fit before and on other rows.
#[test]
fn short_refits_over_epochs_recover_planted_clusters() {
    let epochs = 10;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for set in planted::sets(4096 * epochs, 1) {
        let mut mixture: Option<Mixture> = None;
        for latents in set.data.chunks_exact(4096 * set.dim) {
            let fitted = fit(latents, set.dim, &Settings::melts(), mixture.as_ref(), &mut rng);
            mixture = Some(fitted.unwrap().0);
        }
        assert_recovered(&set, &mixture.unwrap(), "refits");
    }
}
