//! What holds of every fit: the bound never falls, statistics kept per batch give what full passes
//! give, the same arguments give the same bits, bad input is refused.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod coordinate_ascent;

use mixture::{Component, Error, Mixture, Moves, Report, Settings, Stick, fit};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};

/// Rows from `clusters` clouds whose distance is `apart` times their spread.
fn clouds(rows: usize, dim: usize, clusters: usize, apart: f32, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let far = Normal::new(0.0_f32, apart).unwrap();
    let near = Normal::new(0.0_f32, 1.0).unwrap();
    let centres: Vec<f32> = (0..clusters * dim).map(|_| far.sample(&mut rng)).collect();
    let row = |_| {
        let centre = rng.random_range(0..clusters) * dim;
        (0..dim).map(|d| centres[centre + d] + near.sample(&mut rng)).collect::<Vec<_>>()
    };
    (0..rows).flat_map(row).collect()
}

/// Components that do not fit anything yet, around rows of the data.
fn rough_start(data: &[f32], dim: usize, components: usize) -> Mixture {
    let component = |k: usize| Component {
        nu: 4.0 + dim as f64,
        kappa: 2.0,
        mean: data[k * dim..][..dim].iter().map(|&x| f64::from(x)).collect(),
        beta: vec![3.0; dim],
    };
    let sticks = vec![Stick { taken: 2.0, left: 3.0 }; components];
    Mixture::new((0..components).map(component).collect(), sticks).unwrap()
}

fn assert_never_falls(report: &Report) {
    for pair in report.trace.windows(2) {
        let allowed = 1e-9 * pair[0].bound.abs();
        assert!(pair[1].bound >= pair[0].bound - allowed, "{:?} then {:?}", pair[0], pair[1]);
    }
}

fn last_bound(report: &Report) -> f64 {
    report.trace.last().unwrap().bound
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_bound_never_falls(
        rows in 20..300_usize,
        dim in 1..5_usize,
        clusters in 1..8_usize,
        apart in 0.0..8.0_f32,
        offset in -1000.0..1000.0_f32,
        batches in 1..7_usize,
        scale in 0.01..3.0_f64,
        start in 0..9_usize,
        moves in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        seed in any::<u64>(),
    ) {
        let mut data = clouds(rows, dim, clusters, apart, seed);
        let start = (start > 0).then(|| rough_start(&data, dim, start));
        data.iter_mut().for_each(|x| *x += offset);
        let (birth, merge, delete, shuffle) = moves;
        let moves = Moves { birth, merge, delete, shuffle };
        let settings =
            Settings { batches, scale, moves, laps: 8, most_components: 12, ..Settings::melts() };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mixture, report) = fit(&data, dim, &settings, start.as_ref(), &mut rng).unwrap();
        assert_never_falls(&report);
        prop_assert!(mixture.components() <= 12);
        prop_assert_eq!(report.trace.last().unwrap().components, mixture.components());
        prop_assert!(mixture.weights().iter().sum::<f64>() <= 1.0 + 1e-12);
        let mut shares = vec![0.0; mixture.components()];
        mixture.responsibilities(&data[..dim], &mut shares).unwrap();
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// Both go to where no single step helps. Of clouds that are apart there is one such place in reach.
#[test]
fn statistics_kept_per_batch_end_where_full_passes_end() {
    let (dim, components) = (3, 6);
    let data = clouds(600, dim, 4, 6.0, 3);
    let start = rough_start(&data, dim, components);
    let fixed = Settings { laps: 400, tolerance: 0.0, moves: Moves::NONE, ..Settings::melts() };

    let full = coordinate_ascent::run(&data, dim, &fixed, start.clone(), 400);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let once = Settings { laps: 1, batches: 1, ..fixed.clone() };
    let (_, report) = fit(&data, dim, &once, Some(&full), &mut rng).unwrap();
    let expected = report.trace[0].bound;

    for batches in [1, 5, 40] {
        let settings = Settings { batches, ..fixed.clone() };
        let (mixture, report) = fit(&data, dim, &settings, Some(&start), &mut rng).unwrap();
        let bound = last_bound(&report);
        assert!((bound - expected).abs() <= 1e-6 * expected.abs(), "{batches}: {bound} {expected}");
        for (mean, expected) in mixture.means().iter().zip(full.means()) {
            assert!((mean - expected).abs() < 1e-3, "{batches}: {mean} {expected}");
        }
    }
}

#[test]
fn births_merges_and_deletes_each_do_their_work() {
    let dim = 2;
    let data = clouds(800, dim, 5, 10.0, 8);
    let only = |moves: Moves| Settings { laps: 60, moves, ..Settings::melts() };
    let mut rng = ChaCha8Rng::seed_from_u64(4);

    let births = only(Moves { birth: true, ..Moves::NONE });
    let (grown, report) = fit(&data, dim, &births, None, &mut rng).unwrap();
    assert!(report.births.accepted > 0 && grown.components() >= 5);

    // Twelve components for five clouds: too many, whichever way they are taken away.
    let start = rough_start(&data, dim, 12);
    let merges = only(Moves { merge: true, ..Moves::NONE });
    let (merged, report) = fit(&data, dim, &merges, Some(&start), &mut rng).unwrap();
    assert_eq!(report.merges.accepted, 12 - merged.components());
    assert!(merged.components() <= 6, "{}", merged.components());

    let deletes = only(Moves { delete: true, shuffle: true, ..Moves::NONE });
    let (left, report) = fit(&data, dim, &deletes, Some(&start), &mut rng).unwrap();
    assert_eq!(report.deletes.accepted, 12 - left.components());
    assert!(left.components() <= 6, "{}", left.components());
    let weights = left.weights();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
}

#[test]
fn a_fit_is_a_function_of_its_arguments_and_survives_a_checkpoint() {
    let data = clouds(500, 4, 3, 5.0, 11);
    let run = |start: Option<&Mixture>| {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        fit(&data, 4, &Settings::melts(), start, &mut rng).unwrap()
    };
    let (first, report) = run(None);
    assert_eq!((first.clone(), report), run(None));
    let written = serde_json::to_string(&first).unwrap();
    let read: Mixture = serde_json::from_str(&written).unwrap();
    assert_eq!(read, first);
    assert_eq!(run(Some(&read)), run(Some(&first)));
}

#[test]
fn bad_input_is_refused() {
    let good = Settings::melts();
    let refused = |data: &[f32], dim, settings: &Settings, start: Option<&Mixture>| {
        fit(data, dim, settings, start, &mut ChaCha8Rng::seed_from_u64(0)).unwrap_err()
    };
    assert_eq!(refused(&[1.0; 10], 0, &good, None), Error::NoDimension);
    assert_eq!(refused(&[1.0; 11], 2, &good, None), Error::NotWholeRows { dim: 2, len: 11 });
    assert_eq!(refused(&[1.0; 8], 2, &good, None), Error::TooFewRows { expected: 5, got: 4 });
    let mut data = [1.0; 12];
    data[7] = f32::INFINITY;
    let value = f32::INFINITY;
    assert_eq!(refused(&data, 2, &good, None), Error::NotFinite { row: 3, column: 1, value });
    let start = rough_start(&[0.0; 6], 3, 2);
    let error = refused(&[1.0; 12], 2, &good, Some(&start));
    assert!(matches!(error, Error::Size { expected: 2, got: 3, .. }), "{error}");
    let few = Settings { most_components: 1, ..good.clone() };
    let error = refused(&[1.0; 18], 3, &few, Some(&start));
    assert_eq!(error, Error::StartTooLarge { expected: 1, got: 2 });
    let error = refused(&[1.0; 12], 2, &Settings { scale: f64::NAN, ..good }, None);
    assert!(matches!(error, Error::Setting { name: "scale", .. }), "{error}");

    let error = start.assign(&[0.0, f32::NAN, 0.0]).unwrap_err();
    assert!(matches!(error, Error::NotFinite { column: 1, .. }), "{error}");
    let error = start.responsibilities(&[0.0; 3], &mut [0.0; 3]).unwrap_err();
    assert!(matches!(error, Error::Size { expected: 2, got: 3, .. }), "{error}");
    let no_spread = serde_json::to_string(&start).unwrap().replace("3.0", "0.0");
    let error = serde_json::from_str::<Mixture>(&no_spread).unwrap_err().to_string();
    assert!(error.contains("expected beta of component 0"), "{error}");
}

#[test]
fn rows_that_are_all_the_same_are_one_component() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let settings = Settings { laps: 20, moves: Moves::ALL, ..Settings::melts() };
    let (mixture, report) = fit(&[0.5; 600], 3, &settings, None, &mut rng).unwrap();
    assert_never_falls(&report);
    assert_eq!(mixture.components(), 1);
    assert!(mixture.means().iter().all(|mean| (mean - 0.5).abs() < 1e-4));
}
