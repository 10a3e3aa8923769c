//! Inference against what PyTorch computed (`fixtures/record.py`) and against candle.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "differences, with `--nocapture`")]

use candle_core::{Device, Tensor};
use nets::gaussian::{fill_standard_normal, kl_to_standard, product, squashed_log_prob};
use nets::{AgentSpec, EncoderNet, Network, Params, PolicyNet, PolicySpec, Posterior, init};
use types::{Role, stream};

/// Largest difference allowed, absolute or relative to numbers above 1.
const TOLERANCE: f64 = 1e-5;

struct Fixture(Params);

impl Fixture {
    fn read(name: &str) -> (Self, String) {
        let path = format!("{}/fixtures/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let (params, metadata) = Params::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        (Self(params), metadata.get("spec").cloned().unwrap_or_default())
    }

    fn get(&self, name: &str) -> &[f32] {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} in the fixture")).data()
    }
}

fn close(what: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let pairs = got.iter().zip(expected).map(|(&g, &e)| (f64::from(g), f64::from(e)));
    let largest = pairs.map(|(g, e)| (g - e).abs() / e.abs().max(1.)).fold(0., f64::max);
    println!("{what}: {largest:.1e}");
    assert!(largest <= TOLERANCE, "{what}: got {got:?}, expected {expected:?}");
}

#[allow(clippy::cast_possible_truncation, reason = "compared as f32")]
fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

#[test]
fn the_policy_is_that_of_pytorch() {
    let (fixture, spec) = Fixture::read("forward");
    let spec: AgentSpec = serde_json::from_str(&spec).unwrap();
    let mut policy = PolicyNet::from_params(&spec.policy, &fixture.0).unwrap();
    let (observations, latents) = (fixture.get("observations"), fixture.get("latents"));
    let noise = fixture.get("noise");
    let [mut mean, mut log_std, mut actions] = [(); 3].map(|()| vec![0.; noise.len()]);
    policy.gaussian(observations, latents, &mut mean, &mut log_std).unwrap();
    close("mean", &mean, fixture.get("mean"));
    close("log_std", &log_std, fixture.get("log_std"));
    policy.act(observations, latents, None, &mut actions).unwrap();
    close("mode", &actions, fixture.get("mode"));
    policy.act(observations, latents, Some(noise), &mut actions).unwrap();
    close("actions", &actions, fixture.get("actions"));
    let width = spec.policy.action;
    let heads = mean.chunks(width).zip(log_std.chunks(width)).zip(noise.chunks(width));
    let log_prob: Vec<f64> = heads.map(|((m, s), e)| squashed_log_prob(m, s, e)).collect();
    close("log_prob", &narrow(&log_prob), fixture.get("log_prob"));
}

#[test]
fn the_posterior_is_that_of_pytorch() {
    let (fixture, spec) = Fixture::read("forward");
    let spec: AgentSpec = serde_json::from_str(&spec).unwrap();
    let mut encoder = EncoderNet::from_params(&spec.encoder, &fixture.0).unwrap();
    let context = fixture.get("context");
    let (rows, latent) = (context.len() / spec.encoder.width(), spec.encoder.latent);
    let mut factors = vec![0.; rows * 2 * latent];
    encoder.encode(context, &vec![1; rows], &mut factors).unwrap();
    let column = |first: usize| -> Vec<f32> {
        factors.chunks(2 * latent).flat_map(|factor| factor[first..][..latent].to_vec()).collect()
    };
    let (means, variances) = (column(0), column(latent));
    close("factor_mean", &means, fixture.get("factor_mean"));
    close("factor_variance", &variances, fixture.get("factor_variance"));
    let (mean, variance) = product(spec.encoder.latent, &means, &variances);
    close("posterior_mean", &narrow(&mean), fixture.get("posterior_mean"));
    let mut posterior = Posterior::new(spec.encoder.latent);
    for row in context.chunks(spec.encoder.width()) {
        encoder.infer(row, &mut posterior).unwrap();
    }
    close("running mean", &posterior.mean(), fixture.get("posterior_mean"));
    // Compared as precisions: variances of 1e-8 would all be close to each other.
    let precision = |variance: &[f32]| variance.iter().map(|v| 1. / v).collect::<Vec<f32>>();
    let expected = precision(fixture.get("posterior_variance"));
    close("precision", &precision(&narrow(&variance)), &expected);
    close("running precision", &precision(&posterior.variance()), &expected);
    let kl = kl_to_standard(&posterior.mean(), &posterior.variance());
    close("kl", &narrow(&[kl]), fixture.get("kl"));
}

#[test]
fn the_formulas_hold_far_into_the_tails() {
    let (fixture, _) = Fixture::read("gaussian");
    let one_by_one = |names: [&str; 3], f: fn(&[f32], &[f32], &[f32]) -> f64| {
        let [a, b, c] = names.map(|name| fixture.get(name));
        let values: Vec<f64> = (0..a.len()).map(|i| f(&a[i..=i], &b[i..=i], &c[i..=i])).collect();
        narrow(&values)
    };
    let log_prob = one_by_one(["mean", "log_std", "noise"], squashed_log_prob);
    close("log_prob", &log_prob, fixture.get("log_prob"));
    let kl = one_by_one(["kl_mean", "kl_variance", "kl"], |m, v, _| kl_to_standard(m, v));
    close("kl", &kl, fixture.get("kl"));
}

/// HalfCheetah's policy with outputs large enough to compare, and `rows` inputs.
fn cheetah(rows: usize) -> (PolicySpec, Params, Vec<f32>, Vec<f32>) {
    let spec = PolicySpec { observation: 20, latent: 5, action: 6, hidden: vec![300, 300, 300] };
    let mut rng = stream(5, Role::Initialise, 0, 0);
    let network = Network { output_bound: 0.3, ..spec.network() };
    let params = init::networks(&[network], &mut rng).unwrap();
    let (mut observations, mut latents) = (vec![0.; rows * 20], vec![0.; rows * 5]);
    fill_standard_normal(&mut rng, &mut observations);
    fill_standard_normal(&mut rng, &mut latents);
    (spec, params, observations, latents)
}

#[test]
fn the_policy_is_that_of_candle() {
    const ROWS: usize = 11;
    let (spec, params, observations, latents) = cheetah(ROWS);
    let tensor = |data: &[f32], shape: &[usize]| Tensor::from_slice(data, shape, &Device::Cpu);
    let inputs = [tensor(&observations, &[ROWS, 20]), tensor(&latents, &[ROWS, 5])];
    let mut x = Tensor::cat(&inputs.map(Result::unwrap), 1).unwrap();
    for (index, pair) in params.tensors().chunks(2).enumerate() {
        let [weight, bias] = [0, 1].map(|i| tensor(pair[i].data(), pair[i].shape()).unwrap());
        let y = x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
        x = if index == spec.hidden.len() { y } else { y.relu().unwrap() };
    }
    let mean = x.narrow(1, 0, 6).unwrap().flatten_all().unwrap();
    let log_std = x.narrow(1, 6, 6).unwrap().clamp(-20f32, 2f32).unwrap().flatten_all().unwrap();
    let mut policy = PolicyNet::from_params(&spec, &params).unwrap();
    let (mut ours, mut ours_log_std) = (vec![0.; ROWS * 6], vec![0.; ROWS * 6]);
    policy.gaussian(&observations, &latents, &mut ours, &mut ours_log_std).unwrap();
    close("candle's mean", &ours, &mean.to_vec1::<f32>().unwrap());
    close("candle's log_std", &ours_log_std, &log_std.to_vec1::<f32>().unwrap());
}

#[test]
fn a_row_does_not_depend_on_its_company() {
    const ROWS: usize = 19;
    let (spec, params, observations, latents) = cheetah(ROWS);
    let mut policy = PolicyNet::from_params(&spec, &params).unwrap();
    let mut together = vec![0.; ROWS * 6];
    policy.act(&observations, &latents, None, &mut together).unwrap();
    for rows in [1, 2, 3, 5, 8] {
        let mut apart = vec![0.; ROWS * 6];
        let inputs = observations.chunks(rows * 20).zip(latents.chunks(rows * 5));
        for ((observations, latents), actions) in inputs.zip(apart.chunks_mut(rows * 6)) {
            policy.act(observations, latents, None, actions).unwrap();
        }
        assert_eq!(together, apart, "{rows} rows at a time");
    }
}

#[test]
fn slices_that_do_not_agree_are_refused() {
    let (spec, params, observations, latents) = cheetah(2);
    let mut policy = PolicyNet::from_params(&spec, &params).unwrap();
    let mut refusal = |latents: &[f32], noise: Option<&[f32]>, actions: usize| {
        let mut actions = vec![0.; actions];
        policy.act(&observations, latents, noise, &mut actions).unwrap_err().to_string()
    };
    assert_eq!(refusal(&latents[..9], None, 12), "latents: expected 10 numbers, got 9");
    assert_eq!(refusal(&latents, None, 6), "actions: expected 12 numbers, got 6");
    assert_eq!(refusal(&latents, Some(&[0.; 6]), 12), "noise: expected 12 numbers, got 6");
    let other = PolicySpec { hidden: vec![300, 300], ..spec };
    let refused = PolicyNet::from_params(&other, &params).unwrap_err().to_string();
    assert_eq!(refused, "tensor policy.2.weight: expected shape [12, 300], got [300, 300]");
}
