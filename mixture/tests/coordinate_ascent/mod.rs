//! Coordinate ascent with full passes, written down as plainly as it can be: the yardstick for what
//! statistics per batch must come to.

use mixture::{Component, Mixture, Settings, Stick};

/// `passes` times all responsibilities, then the whole posterior.
pub(crate) fn run(
    data: &[f32],
    dim: usize,
    settings: &Settings,
    start: Mixture,
    passes: usize,
) -> Mixture {
    let mut mixture = start;
    for _ in 0..passes {
        let shares: Vec<Vec<f64>> = data
            .chunks_exact(dim)
            .map(|row| {
                let mut shares = vec![0.0; mixture.components()];
                mixture.responsibilities(row, &mut shares).unwrap();
                shares
            })
            .collect();
        mixture = posterior(data, dim, settings, &shares);
    }
    mixture
}

fn posterior(data: &[f32], dim: usize, settings: &Settings, shares: &[Vec<f64>]) -> Mixture {
    let of = |k: usize| shares.iter().map(move |shares| shares[k]);
    let counts: Vec<f64> = (0..shares[0].len()).map(|k| of(k).sum()).collect();
    let column = |d: usize| data.iter().skip(d).step_by(dim).map(|&x| f64::from(x));
    let component = |k: usize| {
        let (nu, kappa) = (dim as f64 + 2.0 + counts[k], settings.kappa + counts[k]);
        let sum = |d: usize| of(k).zip(column(d)).map(|(r, x)| r * x).sum::<f64>();
        let square = |d: usize| of(k).zip(column(d)).map(|(r, x)| r * x * x).sum::<f64>();
        let mean: Vec<f64> = (0..dim).map(|d| sum(d) / kappa).collect();
        let prior_beta = settings.scale * dim as f64;
        let beta = (0..dim).map(|d| prior_beta + square(d) - kappa * mean[d] * mean[d]).collect();
        Component { nu, kappa, mean, beta }
    };
    let stick = |k: usize| Stick {
        taken: 1.0 + counts[k],
        left: settings.concentration + counts[k + 1..].iter().sum::<f64>(),
    };
    let components = (0..counts.len()).map(component).collect();
    Mixture::new(components, (0..counts.len()).map(stick).collect()).unwrap()
}
