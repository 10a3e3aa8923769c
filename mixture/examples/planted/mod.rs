//! Rows from known mixtures of diagonal Gaussians, and the best labels anyone can give them.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

/// Rows drawn from a known mixture.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) name: &'static str,
    pub(crate) dim: usize,
    /// `[rows, dim]`
    pub(crate) data: Vec<f32>,
    /// The component each row was drawn from, `[rows]`.
    pub(crate) classes: Vec<usize>,
    /// The most probable component of each row under the mixture it was drawn from, `[rows]`.
    pub(crate) optimal: Vec<usize>,
    pub(crate) components: usize,
}

/// Weights, means and standard deviations of a mixture.
struct Truth {
    /// `[components]`, any positive scale.
    weights: Vec<f64>,
    /// `[components][dim]`
    means: Vec<Vec<f64>>,
    /// `[components][dim]`
    deviations: Vec<Vec<f64>>,
}

/// The five sets, each of `rows` rows, from one seed.
pub(crate) fn sets(rows: usize, seed: u64) -> Vec<Planted> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    vec![
        // Eight clouds of the same size and spread, far apart.
        draw("separate", &spread_out(&[1.0; 8], 8, 3.0, 0.7, &mut rng), rows, &mut rng),
        // Ten clouds, the largest a third of all rows and the smallest one in a hundred.
        draw("unbalanced", &spread_out(&unbalanced(), 8, 1.8, 0.7, &mut rng), rows, &mut rng),
        // Six clouds on a ring, neighbours within five standard deviations.
        draw("overlapping", &ring(6, 4.9, 1.0), rows, &mut rng),
        // Wide and narrow, long and flat clouds side by side.
        draw("scales", &scales(6, 4, &mut rng), rows, &mut rng),
        // Twenty clouds in eight dimensions, as large as the latent space of many tasks.
        draw("many", &spread_out(&[1.0; 20], 8, 1.3, 0.5, &mut rng), rows, &mut rng),
    ]
}

fn unbalanced() -> Vec<f64> {
    vec![32.0, 20.0, 14.0, 10.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0]
}

/// Means drawn from a normal distribution of standard deviation `apart`.
fn spread_out(
    weights: &[f64],
    dim: usize,
    apart: f64,
    deviation: f64,
    rng: &mut ChaCha8Rng,
) -> Truth {
    let means = weights.iter().map(|_| normals(dim, rng).iter().map(|x| apart * x).collect());
    Truth {
        means: means.collect(),
        deviations: vec![vec![deviation; dim]; weights.len()],
        weights: weights.to_vec(),
    }
}

/// Means evenly on a circle in the plane, `step` between neighbours.
fn ring(components: usize, step: f64, deviation: f64) -> Truth {
    let angle = std::f64::consts::TAU / components as f64;
    let radius = step / (2.0 * (angle / 2.0).sin());
    let mean = |k: usize| {
        let (sin, cos) = (angle * k as f64).sin_cos();
        vec![radius * cos, radius * sin]
    };
    Truth {
        weights: vec![1.0; components],
        means: (0..components).map(mean).collect(),
        deviations: vec![vec![deviation; 2]; components],
    }
}

/// Standard deviations from 0.1 to 2, each cloud with its own in each dimension.
fn scales(components: usize, dim: usize, rng: &mut ChaCha8Rng) -> Truth {
    let means = (0..components).map(|_| normals(dim, rng).iter().map(|x| 4.0 * x).collect());
    let means = means.collect();
    let deviation = |_| 0.1 * 20.0_f64.powf(rng.random::<f64>());
    let deviations = (0..components * dim).map(deviation).collect::<Vec<_>>();
    Truth {
        weights: vec![1.0; components],
        means,
        deviations: deviations.chunks_exact(dim).map(<[f64]>::to_vec).collect(),
    }
}

fn draw(name: &'static str, truth: &Truth, rows: usize, rng: &mut ChaCha8Rng) -> Planted {
    let dim = truth.means[0].len();
    let total: f64 = truth.weights.iter().sum();
    let (mut data, mut classes, mut optimal) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let class = choose(&truth.weights, total * rng.random::<f64>());
        let noise = normals(dim, rng);
        let (mean, deviation) = (&truth.means[class], &truth.deviations[class]);
        let row: Vec<f64> = (0..dim).map(|d| mean[d] + deviation[d] * noise[d]).collect();
        optimal.push(most_probable(truth, &row));
        classes.push(class);
        #[expect(clippy::cast_possible_truncation, reason = "latents are f32")]
        data.extend(row.iter().map(|&x| x as f32));
    }
    Planted { name, dim, data, classes, optimal, components: truth.means.len() }
}

fn choose(weights: &[f64], mut left: f64) -> usize {
    for (k, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return k;
        }
    }
    weights.len() - 1
}

/// argmax over components of ln w + ln N(row).
fn most_probable(truth: &Truth, row: &[f64]) -> usize {
    let log_joint = |k: usize| {
        let terms = row.iter().zip(&truth.means[k]).zip(&truth.deviations[k]);
        let log_density: f64 =
            terms.map(|((x, mean), sd)| -0.5 * ((x - mean) / sd).powi(2) - sd.ln()).sum();
        truth.weights[k].ln() + log_density
    };
    let joint: Vec<f64> = (0..truth.weights.len()).map(log_joint).collect();
    (0..joint.len()).max_by(|&a, &b| joint[a].total_cmp(&joint[b])).unwrap_or(0)
}

fn normals(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}
