use super::*;
use crate::gaussian::fill_standard_normal;
use crate::mlp::Mlp;
use crate::{Beliefs, EncoderNet, Params, PolicyNet, init};
use types::experiment::{
    Choose, Context, CriticForm, Generator, Memory, Observe, SignedPermutation, Variance, Within,
};
use types::{Role, stream};

const SIZE: usize = 3;

fn generator(parts: [&[i32]; 3]) -> Generator {
    let [observation, action, latent] = parts.map(<[i32]>::to_vec);
    Generator { observation, action, latent }
}

/// Negation; an exchange; a quarter turn, a mirror that it does not commute with, and z that only
/// some of it changes. All of observations of 4, actions of 2 and latents of 2 numbers.
fn symmetries() -> Vec<Symmetry> {
    let negation = generator([&[-1, -2, -3, -4], &[-1, -2], &[-1, -2]]);
    let exchange = generator([&[2, 1, 3, 4], &[2, 1], &[2, 1]]);
    let turn = generator([&[-2, 1, 4, 3], &[-2, 1], &[-2, 1]]);
    let mirror = generator([&[1, -2, 3, 4], &[1, -2], &[1, -2]]);
    [vec![negation], vec![exchange], vec![turn, mirror]]
        .map(|generators| Symmetry { generators })
        .into()
}

fn act(images: &SignedPermutation, x: &[f32]) -> Vec<f32> {
    let one = |&image: &i32| (image.signum() as f32) * x[image.unsigned_abs() as usize - 1];
    images.iter().map(one).collect()
}

fn unsigned(images: &SignedPermutation) -> SignedPermutation {
    images.iter().map(|image| image.abs()).collect()
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut numbers = vec![0.; count];
    fill_standard_normal(&mut stream(seed, Role::Environment, 0, 0), &mut numbers);
    numbers
}

fn parameters(networks: &[Network], seed: u64) -> Params {
    assert!(networks.iter().all(|network| !network.ties.is_empty()));
    let loud = |network: &Network| Network { output_bound: 0.5, ..network.clone() };
    let networks: Vec<Network> = networks.iter().map(loud).collect();
    init::networks(&networks, &mut stream(seed, Role::Initialise, 0, 0)).unwrap()
}

fn close(expected: &[f32], got: &[f32]) {
    for (e, g) in expected.iter().zip(got) {
        assert!((e - g).abs() <= 1e-5 * e.abs().max(1.), "expected {expected:?}, got {got:?}");
    }
}

fn the_policy_commutes(symmetry: &Symmetry, seed: u64) {
    let spec = PolicySpec { observation: 4, latent: 4, action: 2, hidden: vec![64, 48] };
    let network = tie_policy(symmetry, &spec, spec.network()).unwrap();
    let mut net = PolicyNet::from_params(&spec, &parameters(&[network], seed)).unwrap();
    let mut gaussian = |observation: &[f32], given: &[f32]| {
        let [mut mean, mut log_std] = [[0f32; 2]; 2];
        net.gaussian(observation, given, &mut mean, &mut log_std).unwrap();
        (mean, log_std)
    };
    let (observation, mean, variance) = (numbers(4, seed), numbers(2, seed + 1), [0.3, 1.7]);
    let (action, log_std) = gaussian(&observation, &[&mean[..], &variance].concat());
    assert!(action.iter().any(|number| number.abs() > 1e-3), "{action:?}");
    for g in &symmetry.generators {
        let given = [act(&g.latent, &mean), act(&unsigned(&g.latent), &variance)].concat();
        let (moved, moved_log_std) = gaussian(&act(&g.observation, &observation), &given);
        close(&act(&g.action, &action), &moved);
        close(&act(&unsigned(&g.action), &log_std), &moved_log_std);
    }
}

fn the_critics_do_not_change(symmetry: &Symmetry, seed: u64) {
    let form = CriticForm::VNetwork;
    let spec = CriticSpec { form, observation: 4, action: 2, latent: 2, hidden: vec![48, 64] };
    for network in spec.networks() {
        let network = tie_critic(symmetry, &spec, network).unwrap();
        let params = parameters(std::slice::from_ref(&network), seed);
        let mut mlp = Mlp::from_params(&network, &params).unwrap();
        let has_action = network.name != "v";
        let mut value = |parts: [&[f32]; 3]| {
            let [observation, action, latent] = parts;
            let action = if has_action { action } else { &[] };
            mlp.inputs(1).for_each(|input| {
                input.copy_from_slice(&[observation, action, latent].concat());
            });
            mlp.forward().next().unwrap()[0]
        };
        let parts = [numbers(4, seed), numbers(2, seed + 1), numbers(2, seed + 2)];
        let expected = value(parts.each_ref().map(Vec::as_slice));
        assert_ne!(expected, value([&numbers(4, seed + 3), &parts[1], &parts[2]]));
        for g in &symmetry.generators {
            let moved = [&g.observation, &g.action, &g.latent];
            let [o, a, l] = [0, 1, 2].map(|part| act(moved[part], &parts[part]));
            close(&[expected], &[value([&o, &a, &l])]);
        }
    }
}

fn encoders() -> Vec<EncoderSpec> {
    let transitions = |merge| Encoder::Transitions { hidden: vec![64, 48], merge };
    let gru = Encoder::Gru { width: 48, layers: 2, rectify: true, memory: Memory::Window };
    let gaussian = Posterior::Gaussian { variance: Variance::Softplus };
    let mixture = Posterior::Mixture { components: 3, choose: Choose::Weighted };
    let parts = [
        (transitions(Merge::Product), gaussian),
        (transitions(Merge::Mean), mixture),
        (transitions(Merge::Pairs), Posterior::Deterministic),
        (Encoder::Window { hidden: vec![64] }, mixture),
        (gru, gaussian),
    ];
    let context = Context::Window { size: SIZE, stride: 1, within: Within::Episode };
    let spec = |(body, posterior)| EncoderSpec {
        context,
        body,
        posterior,
        head: vec![64],
        observe: Observe::Mean,
        ..EncoderSpec::gaussian_product([4, 2], true, vec![8], 2)
    };
    parts.map(spec).into()
}

/// Rows of a context after `g`.
fn moved(g: &Generator, rows: &[f32]) -> Vec<f32> {
    let row = |row: &[f32]| {
        let now = act(&g.observation, &row[..4]);
        [now, act(&g.action, &row[4..6]), vec![row[6]], act(&g.observation, &row[7..])].concat()
    };
    rows.chunks(11).flat_map(row).collect()
}

fn the_posterior_commutes(symmetry: &Symmetry, spec: &EncoderSpec, seed: u64) {
    let networks = tie_encoder(symmetry, spec, spec.networks()).unwrap();
    let mut net = EncoderNet::from_params(spec, &parameters(&networks, seed)).unwrap();
    let mut beliefs = Beliefs::new(spec);
    let mut infer = |rows: &[f32]| {
        let mut described = vec![0.; spec.described_by()];
        net.encode(rows, &[2], &mut described).unwrap();
        beliefs.read(&described).unwrap();
        (beliefs.mean().to_vec(), beliefs.variance().to_vec(), beliefs.components().to_vec())
    };
    let rows = numbers(2 * 11, seed);
    let (mean, variance, component) = infer(&rows);
    assert!(mean.iter().any(|number| number.abs() > 1e-3), "{mean:?}");
    for g in &symmetry.generators {
        let (moved_mean, moved_variance, moved_component) = infer(&moved(g, &rows));
        close(&act(&g.latent, &mean), &moved_mean);
        close(&act(&unsigned(&g.latent), &variance), &moved_variance);
        assert_eq!(component, moved_component);
    }
}

#[test]
fn tied_networks_commute_with_the_group_whatever_their_free_numbers() {
    for (seed, symmetry) in (0..8).flat_map(|seed| symmetries().into_iter().map(move |s| (seed, s)))
    {
        the_policy_commutes(&symmetry, seed);
        the_critics_do_not_change(&symmetry, seed);
        for spec in encoders() {
            the_posterior_commutes(&symmetry, &spec, seed);
        }
    }
}

/// The matrices that commute with a group are a linear space; its dimension is the trace of the
/// projection onto it, the mean over the group of χ_out(g) χ_in(g).
#[test]
fn as_many_numbers_are_free_as_the_characters_say() {
    for (symmetry, order) in symmetries().iter().zip([2, 2, 8]) {
        let parts = Parts::of(symmetry).unwrap();
        assert_eq!(parts.group.order(), order);
        let trace = |actions: &[crate::symmetry::group::Action], element: usize| -> f64 {
            let places = actions[element].0.iter().enumerate();
            let fixed = places.filter(|(place, image)| image.from == *place);
            fixed.map(|(_, image)| if image.negated { -1. } else { 1. }).sum()
        };
        let (observation, action) = (parts.group.acting_on(0), parts.group.acting_on(1));
        let each = (0..order).map(|g| trace(&observation, g) * trace(&action, g));
        let dimension = each.sum::<f64>() / order as f64;
        let ties = commuting(&parts.action, &parts.observation);
        let used = ties.sign.iter().zip(&ties.index).filter(|(sign, _)| **sign != 0.);
        let used: std::collections::BTreeSet<u32> = used.map(|(_, &index)| index).collect();
        assert_eq!(used.len() as f64, dimension, "{symmetry:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let spec = PolicySpec { observation: 4, latent: 2, action: 2, hidden: vec![16, 7] };
    let refusal = |symmetry: &Symmetry, spec: &PolicySpec| {
        tie_policy(symmetry, spec, spec.network()).unwrap_err().to_string()
    };
    let [negation, ..] = &symmetries()[..] else { unreachable!() };
    assert_eq!(
        refusal(negation, &spec),
        "symmetry.hidden: expected a multiple of 2, the elements of the group, got 7"
    );
    let other = PolicySpec { observation: 5, ..spec.clone() };
    assert_eq!(
        refusal(negation, &other),
        "symmetry.generators: expected observations of 5 and actions of 2 numbers, got \
         observations of 4 and actions of 2 numbers"
    );
    let rotation = generator([&[2, 3, 4, 1], &[1, 2], &[1, 2]]);
    let exchange = generator([&[2, 1, 3, 4], &[1, 2], &[1, 2]]);
    let signs = generator([&[-1, 2, 3, 4], &[1, 2], &[1, 2]]);
    let all = Symmetry { generators: vec![rotation, exchange, signs] };
    assert_eq!(
        refusal(&all, &spec),
        "symmetry.generators: expected generators of at most 64 transformations, got more"
    );
    let convolution = Encoder::Convolution { channels: vec![8], kernel: 2 };
    let encoder = EncoderSpec { body: convolution, ..encoders()[1].clone() };
    let refused = tie_encoder(negation, &encoder, encoder.networks()).unwrap_err().to_string();
    assert!(refused.starts_with("symmetry.encoder: expected transitions, window or gru"));
}
