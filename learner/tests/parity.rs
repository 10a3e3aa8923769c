//! One full PEARL update against numbers recorded from PyTorch (`nets/fixtures/record.py`), both
//! forms of the critics: losses, gradients and every parameter afterwards.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use learner::inference::Windows;
use learner::method::{Batch, Method, MethodSettings, MethodSpec, Noise, Source};
use learner::networks::AdamSettings;
use learner::networks::parameters::to_host;
use nets::{AgentSpec, CriticSpec, EncoderSpec, Params, PolicySpec};
use serde_json::Value;
use tch::{Device, Tensor};
use types::experiment::{CriticForm, NextLatent, Objective, Prior, Temperature};

struct Fixture {
    params: Params,
    sizes: Value,
    hyper: Value,
}

impl Fixture {
    fn read(name: &str) -> Self {
        let path = format!("{}/../nets/fixtures/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let (params, metadata) = Params::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        let json = |key: &str| serde_json::from_str(&metadata[key]).unwrap();
        Self { params, sizes: json("sizes"), hyper: json("hyper_parameters") }
    }

    fn tasks(&self) -> usize {
        usize::try_from(self.tensor("noise.latent").size()[0]).unwrap()
    }

    fn size(&self, key: &str) -> usize {
        let size = self.sizes[key].as_u64().and_then(|size| usize::try_from(size).ok());
        size.unwrap_or_else(|| panic!("{key} in {}", self.sizes))
    }

    fn sizes_of(&self, key: &str) -> Vec<usize> {
        serde_json::from_value(self.sizes[key].clone()).unwrap()
    }

    fn constant(&self, key: &str) -> f64 {
        self.hyper[key].as_f64().unwrap_or_else(|| panic!("{key} in {}", self.hyper))
    }

    fn data(&self, name: &str) -> &nets::Tensor {
        self.params.get(name).unwrap_or_else(|| panic!("no {name} in the fixture"))
    }

    fn tensor(&self, name: &str) -> Tensor {
        let tensor = self.data(name);
        let shape: Vec<i64> = tensor.shape().iter().map(|&n| n as i64).collect();
        Tensor::from_slice(tensor.data()).view(&shape[..])
    }

    fn column(&self, name: &str) -> Tensor {
        self.tensor(name).view([-1, 1])
    }

    fn initial(&self) -> Params {
        let initial = self.params.tensors().iter().filter_map(|t| {
            let name = t.name().strip_prefix("initial.")?.to_owned();
            Some(nets::Tensor::new(name, t.shape().to_vec(), t.data().to_vec()).unwrap())
        });
        Params::new(initial.collect()).unwrap()
    }

    fn spec(&self, form: CriticForm) -> MethodSpec {
        let (observation, action) = (self.size("observation"), self.size("action"));
        let latent = self.size("latent");
        let hidden = self.sizes_of("hidden");
        let hidden_of_encoder = self.sizes_of("encoder_hidden");
        let encoder =
            EncoderSpec::gaussian_product([observation, action], false, hidden_of_encoder, latent);
        MethodSpec {
            agent: AgentSpec {
                policy: PolicySpec { observation, latent, action, hidden: hidden.clone() },
                encoder,
            },
            critics: CriticSpec { form, observation, action, latent, hidden },
            decoder: None,
            prior: Prior::Standard,
            symmetry: None,
        }
    }

    fn settings(&self) -> MethodSettings {
        MethodSettings {
            discount: self.constant("discount"),
            reward_scale: self.constant("reward_scale"),
            temperature: Temperature::Fixed { value: 1.0 },
            objective: Objective::Bellman { kl_weight: self.constant("kl_weight") },
            next_latent: NextLatent::Same,
            training: None,
            weights: None,
            frozen: false,
            target_rate: self.constant("target_rate"),
            mean_penalty: self.constant("mean_penalty"),
            log_std_penalty: self.constant("log_std_penalty"),
            adam: AdamSettings::with_rate(self.constant("learning_rate")),
        }
    }

    fn batch(&self, form: CriticForm) -> Batch {
        let width = self.size("observation") + self.size("action") + 1;
        let context = self.tensor("context").view([self.tasks() as i64, -1, width as i64]);
        let next_action = match form {
            CriticForm::TwinQ => self.tensor("noise.next_action"),
            CriticForm::VNetwork => self.tensor("noise.new_action"),
        };
        Batch {
            observation: self.tensor("batch.observations"),
            action: self.tensor("batch.actions"),
            reward: self.column("batch.training_rewards"),
            next_observation: self.tensor("batch.next_observations"),
            not_terminated: self.column("batch.not_terminated"),
            source: Source::Sets(Windows {
                length: Tensor::from_slice(&vec![context.size()[1]; self.tasks()]),
                rows: context,
            }),
            noise: Noise {
                latent: self.tensor("noise.latent"),
                next_latent: Tensor::zeros([0, 1], (tch::Kind::Float, Device::Cpu)),
                next_action,
                action: self.tensor("noise.new_action"),
            },
        }
    }
}

/// Largest |got − expected| / max(1, |expected|).
fn distance(got: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let relative = |(g, e): (&f32, &f32)| f64::from((g - e).abs()) / f64::from(e.abs()).max(1.0);
    got.iter().zip(expected).map(relative).fold(0.0, f64::max)
}

fn check_update(name: &str, form: CriticForm) {
    let fixture = Fixture::read(name);
    let initial = fixture.initial();
    let from = (&initial, Device::Cpu);
    let mut method =
        Method::new(&fixture.spec(form), fixture.settings(), fixture.tasks(), from).unwrap();
    let batch = fixture.batch(form);

    let (losses, gradients) = method.gradients(&batch).unwrap();
    let scalar = |tensor: &Tensor| to_host(tensor).unwrap();
    for (key, loss) in [("q", &losses.q), ("kl", &losses.kl), ("policy", &losses.policy)] {
        let off = distance(&scalar(loss), fixture.data(&format!("loss.{key}")).data());
        assert!(off < 1e-5, "loss.{key} is off by {off}");
    }
    if form == CriticForm::VNetwork {
        assert!(distance(&scalar(&losses.v), fixture.data("loss.v").data()) < 1e-5);
    }
    for tensor in method.name_gradients(&gradients).unwrap().tensors() {
        let name = tensor.name();
        let off = distance(tensor.data(), fixture.data(&format!("gradient.{name}")).data());
        assert!(off < 1e-5, "gradient.{name} is off by {off}");
    }

    method.update(&batch).unwrap();
    let everything = method.everything().unwrap();
    let updated = fixture.params.tensors().iter();
    let mut compared = 0;
    for expected in updated.filter(|t| t.name().starts_with("updated.")) {
        let name = expected.name().trim_start_matches("updated.");
        let off = distance(everything.get(name).unwrap().data(), expected.data());
        assert!(off < 1e-5, "{name} is off by {off} after the update");
        compared += 1;
    }
    assert_eq!(compared, fixture.initial().tensors().len());
}

#[test]
fn twin_q_update_equals_pytorch() {
    check_update("update_twin_q", CriticForm::TwinQ);
}

#[test]
fn v_network_update_equals_pytorch() {
    check_update("update_v_network", CriticForm::VNetwork);
}

#[test]
fn an_update_that_is_not_finite_leaves_no_trace() {
    for (name, form) in
        [("update_twin_q", CriticForm::TwinQ), ("update_v_network", CriticForm::VNetwork)]
    {
        let fixture = Fixture::read(name);
        let (spec, settings) = (fixture.spec(form), fixture.settings());
        let initial = fixture.initial();
        let from = (&initial, Device::Cpu);
        let mut method = Method::new(&spec, settings, fixture.tasks(), from).unwrap();
        let good = fixture.batch(form);
        method.update(&good).unwrap();
        let before = method.everything().unwrap();
        // Not a number; and a finite gradient whose square is not.
        for factor in [f64::NAN, 1e22] {
            let mut bad = fixture.batch(form);
            bad.reward *= factor;
            let losses = method.update(&bad).unwrap();
            assert_eq!(to_host(&losses.usable).unwrap(), [0.0], "{name}, rewards times {factor}");
            assert_eq!(method.everything().unwrap(), before, "{name}, rewards times {factor}");
        }
        assert_eq!(to_host(&method.update(&good).unwrap().usable).unwrap(), [1.0]);
        assert_ne!(method.everything().unwrap(), before);
    }
}

/// The actor's kernel and libtorch run the same parameters.
#[test]
fn actors_and_learner_compute_the_same_networks() {
    let fixture = Fixture::read("update_twin_q");
    let form = CriticForm::TwinQ;
    let spec = fixture.spec(form);
    let initial = fixture.initial();
    let from = (&initial, Device::Cpu);
    let method = Method::new(&spec, fixture.settings(), fixture.tasks(), from).unwrap();
    let params = method.acting().unwrap();
    let observations = fixture.data("batch.observations").data();
    let rows = observations.len() / spec.agent.policy.observation;
    let latents = vec![0.3; rows * spec.agent.policy.latent];
    let noise = fixture.data("noise.new_action").data();

    let mut actions = vec![0.0; rows * spec.agent.policy.action];
    let mut policy = nets::PolicyNet::from_params(&spec.agent.policy, &params).unwrap();
    policy.act(observations, &latents, Some(noise), &mut actions).unwrap();
    let expected = method.act(observations, &latents, noise).unwrap();
    assert!(distance(&actions, &expected) < 1e-5);
}
