//! Encoders, posteriors, objectives and their gradients against numbers recorded from PyTorch
//! (`nets/fixtures/record_encoders.py`, `learner/fixtures/record_objectives.py`), and what must hold
//! whatever the numbers are.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use learner::inference::objectives::importance_weighted::log_mean_exp;
use learner::inference::objectives::{ErrorWeights, Parts, Terms, loss};
use learner::inference::posterior::noise_width;
use learner::inference::{
    Components, DecoderSpec, Prior, Targets, Windows, conflicts, encoder, prior,
};
use learner::networks::parameters::to_host;
use learner::networks::{Group, NamedLayers, Stack};
use nets::{EncoderSpec, Network, Params};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};
use types::experiment::{self, Encoder, Objective};

struct Fixture {
    name: String,
    params: Params,
    metadata: HashMap<String, String>,
}

impl Fixture {
    fn read(path: &Path) -> Self {
        let (params, metadata) = Params::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, params, metadata: metadata.into_iter().collect() }
    }

    fn json<T: DeserializeOwned>(&self, key: &str) -> T {
        serde_json::from_str(&self.metadata[key]).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    fn numbers(&self, name: &str) -> &[f32] {
        let found = self.params.get(name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.name)).data()
    }

    fn tensor(&self, name: &str) -> Tensor {
        let shape: Vec<i64> =
            self.params.get(name).unwrap().shape().iter().map(|&n| n as i64).collect();
        Tensor::from_slice(self.numbers(name)).view(&shape[..])
    }

    fn windows(&self) -> Windows {
        Windows { rows: self.tensor("rows"), length: self.tensor("length").to_kind(Kind::Int64) }
    }

    fn targets(&self) -> Targets {
        let tensor = |name: &str| self.tensor(&format!("target.{name}"));
        Targets {
            observation: tensor("observation"),
            action: tensor("action"),
            reward: tensor("reward"),
            next_observation: tensor("next_observation"),
            present: tensor("present"),
        }
    }

    fn group(&self, networks: &[Network]) -> Group {
        let stacks = networks.iter().map(Stack::single).collect();
        Group::new(stacks, &self.params, Device::Cpu).unwrap()
    }

    /// Whether `got` is what was recorded, to `tolerance` of the largest number.
    fn check(&self, name: &str, got: &[f32], tolerance: f32) {
        let expected = self.numbers(name);
        assert_eq!(got.len(), expected.len(), "{name} in {}", self.name);
        let largest = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(0f32, f32::max);
        let scale = largest(&mut expected.iter().map(|e| e.abs()));
        let off = largest(&mut got.iter().zip(expected).map(|(g, e)| (g - e).abs()));
        assert!(got.iter().all(|g| g.is_finite()), "{name} in {} is not finite", self.name);
        assert!(off <= tolerance * scale, "{name} in {}: off by {off} of {scale}", self.name);
    }
}

fn fixtures(folder: &str, prefix: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".safetensors")
    };
    let found: Vec<Fixture> = entries.filter(named).map(|path| Fixture::read(&path)).collect();
    assert!(found.len() >= 12, "only {} fixtures of {prefix}", found.len());
    found
}

fn host(tensor: &Tensor) -> Vec<f32> {
    to_host(tensor).unwrap()
}

fn gradient(of: &Tensor, group: &Group) -> Tensor {
    Tensor::run_backward(&[of], &[group.flat()], false, false).pop().unwrap()
}

#[test]
fn encoders_and_posteriors_equal_pytorch() {
    for fixture in fixtures("../nets/fixtures/encoders", "") {
        let spec: EncoderSpec = fixture.json("spec");
        let group = fixture.group(&spec.networks());
        let layers = group.named_layers().unwrap();
        let windows = fixture.windows();
        let described = encoder::describe(&spec, &layers, &windows).unwrap();
        fixture.check("described", &host(&described), 1e-5);
        let belief = encoder::infer(&spec, &layers, &windows).unwrap();
        let noise = fixture.tensor("noise");
        assert_eq!(noise.size()[1], noise_width(&spec) as i64);
        fixture.check("mean", &host(&belief.mean().unwrap()), 1e-5);
        fixture.check("variance", &host(&belief.variance().unwrap()), 1e-5);
        fixture.check("component", &host(&belief.component().unwrap()), 0.0);
        fixture.check("z", &host(&belief.sample(&noise).unwrap()), 1e-5);
        fixture.check("given", &host(&belief.observed(&spec, &noise).unwrap()), 1e-5);
        // Contexts without a row, or with a single one, must not spoil the gradient of the others.
        let gradient = gradient(&described.sum(Kind::Float), &group);
        assert!(host(&gradient).iter().all(|g| g.is_finite()), "{}", fixture.name);
    }
}

#[test]
fn rows_that_are_absent_do_not_matter() {
    for fixture in fixtures("../nets/fixtures/encoders", "") {
        let spec: EncoderSpec = fixture.json("spec");
        if matches!(spec.body, Encoder::Window { .. } | Encoder::Convolution { .. }) {
            continue;
        }
        let layers = fixture.group(&spec.networks()).named_constants().unwrap();
        let Windows { rows, length } = fixture.windows();
        let rows = rows.constant_pad_nd([0, 0, 3, 0]);
        let padded = encoder::describe(&spec, &layers, &Windows { rows, length }).unwrap();
        fixture.check("described", &host(&padded), 1e-5);
    }
}

struct Case {
    encoder: EncoderSpec,
    decoder: DecoderSpec,
    objective: Objective,
    prior: experiment::Prior,
    weights: ErrorWeights,
    kl_factor: f64,
    group: Group,
}

impl Case {
    fn of(fixture: &Fixture) -> Self {
        let (encoder, decoder): (EncoderSpec, DecoderSpec) =
            (fixture.json("encoder"), fixture.json("decoder"));
        let prior: experiment::Prior = fixture.json("prior");
        let mut networks = encoder.networks();
        networks.extend(decoder.networks());
        networks.extend(prior::table(&prior, &encoder));
        let [reward, next_observation] = fixture.json("weights");
        Self {
            group: fixture.group(&networks),
            objective: fixture.json("objective"),
            weights: ErrorWeights { reward, next_observation },
            kl_factor: fixture.json("kl_factor"),
            encoder,
            decoder,
            prior,
        }
    }

    fn loss(
        &self,
        fixture: &Fixture,
        layers: &NamedLayers,
        labels: Option<&Tensor>,
    ) -> learner::Result<Terms> {
        let numbers = |name: &str| fixture.numbers(&format!("fitted.{name}"));
        let is_fitted = fixture.params.get("fitted.weight").is_some();
        let fitted = is_fitted.then(|| {
            let parts = ["weight", "mean", "variance"].map(numbers);
            Components::new(parts[0], parts[1], parts[2], Device::Cpu).unwrap()
        });
        let parts = Parts {
            encoder: &self.encoder,
            decoder: &self.decoder,
            layers,
            prior: &Prior::of(&self.prior, layers, fitted)?,
            windows: &fixture.windows(),
            targets: &fixture.targets(),
            noise: &fixture.tensor("noise"),
            weights: self.weights,
            kl_factor: self.kl_factor,
            labels,
        };
        loss(&self.objective, &parts)
    }
}

#[test]
fn objectives_and_their_gradients_equal_pytorch() {
    for fixture in fixtures("fixtures", "objective_") {
        let case = Case::of(&fixture);
        let layers = case.group.named_layers().unwrap();
        let labels = fixture.tensor("labels").to_kind(Kind::Int64);
        let terms = case.loss(&fixture, &layers, Some(&labels)).unwrap();
        fixture.check("per_context", &host(&terms.per_context), 1e-5);
        for (name, term) in [
            ("total", &terms.total),
            ("term.reconstruction_reward", &terms.reconstruction_reward),
            ("term.reconstruction_observation", &terms.reconstruction_observation),
            ("term.kl", &terms.kl),
            ("term.class_kl", &terms.class_kl),
            ("term.sparsity", &terms.sparsity),
            ("term.separation", &terms.separation),
            ("term.cross_entropy", &terms.cross_entropy),
        ] {
            // A small KL is the difference of numbers around 1.
            fixture.check(name, &host(term), 1e-4);
        }
        let gradients = case.group.export_like(&gradient(&terms.total, &case.group)).unwrap();
        for gradient in gradients.tensors() {
            fixture.check(&format!("gradient.{}", gradient.name()), gradient.data(), 1e-5);
        }
    }
}

fn one_objective(name: &str) -> (Fixture, Case) {
    let path = format!("{}/fixtures/objective_{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
    let fixture = Fixture::read(Path::new(&path));
    let case = Case::of(&fixture);
    (fixture, case)
}

#[test]
fn what_does_not_fit_an_objective_is_refused() {
    let (fixture, mut case) = one_objective("class_conditional_supervised");
    let layers = case.group.named_constants().unwrap();
    let refused = case.loss(&fixture, &layers, None).unwrap_err().to_string();
    assert_eq!(
        refused,
        "inference.objective.supervision: expected 0 where base tasks are not known, got 0.3"
    );
    case.objective = Objective::Elbo { kl_weight: 1.0, samples: 7 };
    let refused = case.loss(&fixture, &layers, None).unwrap_err().to_string();
    assert_eq!(refused, "noise of the objective: expected [7, 6, 2], got [6, 3, 2]");
}

#[test]
fn log_weights_of_any_size_have_a_mean() {
    let weights = Tensor::from_slice(&[1e4f32, 1e4, -1e4, -1e4, 0.0, 3f32.ln()]).view([3, 2]);
    let means = host(&log_mean_exp(&weights.transpose(0, 1)).unwrap());
    for (got, expected) in means.iter().zip([1e4, -1e4, 2f32.ln()]) {
        assert!((got - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{got} and {expected}");
    }
}

#[test]
fn rows_behind_a_window_keep_their_order() {
    let rows = Tensor::from_slice(&[0f32, 0., 1., 2., 3., 4.]).view([2, 3, 1]);
    let windows = Windows { rows, length: Tensor::from_slice(&[1i64, 3]) };
    let more = Tensor::from_slice(&[0f32, 5., 6., 0.]).view([2, 2, 1]);
    let present = Tensor::from_slice(&[0f32, 1., 1., 0.]).view([2, 2]);
    let longer = windows.extended(&more, &present).unwrap();
    assert_eq!(host(&longer.rows), [0., 0., 0., 1., 5., 0., 2., 3., 4., 6.]);
    assert_eq!(host(&longer.length), [2., 4.]);
}

#[test]
fn projected_gradients_equal_the_algorithm() {
    let path = format!("{}/fixtures/conflicts.safetensors", env!("CARGO_MANIFEST_DIR"));
    let fixture = Fixture::read(Path::new(&path));
    let gradients = fixture.tensor("gradients");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
    let order: Vec<usize> = fixture.numbers("order").iter().map(|&n| n as usize).collect();
    let projected = conflicts::project(&gradients, &order).unwrap();
    fixture.check("projected", &host(&projected), 1e-5);
    let refused = conflicts::project(&gradients, &[0, 1, 1, 2, 3]).unwrap_err().to_string();
    let expected = "order of the classes: expected a permutation of 0 to 4, got [0, 1, 1, 2, 3]";
    assert_eq!(refused, expected);
}

/// Classes together are the loss, and so are their gradients.
#[test]
fn classes_add_up_to_the_loss() {
    let (fixture, case) = one_objective("clustering");
    let layers = case.group.named_layers().unwrap();
    let terms = case.loss(&fixture, &layers, None).unwrap();
    let class = terms.belief.component().unwrap();
    let losses = conflicts::by_class(&terms.per_context, &class, 3).unwrap();
    let each = conflicts::gradients(&losses, case.group.flat()).unwrap();
    assert_eq!(each.size()[0], 3);
    let together = each.sum_dim_intlist(0, false, Kind::Float);
    let whole = gradient(&terms.total, &case.group);
    let off = (&together - &whole).abs().max().double_value(&[]);
    assert!(off <= 1e-6 * whole.abs().max().double_value(&[]), "off by {off}");
}
