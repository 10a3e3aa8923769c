//! Tasks inferred from windows, at every step.

use super::*;
use nets::{Beliefs, EncoderNet, EncoderSpec};
use types::Belief;
use types::experiment::{
    Choose, Context, Encoder, Memory, Merge, Observe, Posterior, Variance, Within,
};

const SIZE: usize = 4;
const GAUSSIAN: Posterior = Posterior::Gaussian { variance: Variance::Softplus };

fn gru(memory: Memory) -> Encoder {
    Encoder::Gru { width: 8, layers: 1, rectify: true, memory }
}

fn spec(body: Encoder, posterior: Posterior, stride: usize, within: Within) -> AgentSpec {
    Fake::agent_with(EncoderSpec {
        context: Context::Window { size: SIZE, stride, within },
        body,
        posterior,
        ..Fake::agent_spec().encoder
    })
}

/// One of each form that differs in what is kept from step to step.
fn forms() -> Vec<AgentSpec> {
    let mixture = Posterior::Mixture { components: 3, choose: Choose::Weighted };
    let product = Encoder::Transitions { hidden: vec![8], merge: Merge::Product };
    let pairs = Encoder::Transitions { hidden: vec![8], merge: Merge::Pairs };
    vec![
        spec(gru(Memory::Window), mixture, 1, Within::Episode),
        spec(gru(Memory::Staggered { states: 2 }), mixture, 1, Within::Trial),
        spec(gru(Memory::Carried), Posterior::Deterministic, 1, Within::Trial),
        spec(product, GAUSSIAN, 1, Within::Trial),
        spec(pairs, GAUSSIAN, 1, Within::Episode),
        spec(Encoder::Window { hidden: vec![8] }, GAUSSIAN, 3, Within::Trial),
    ]
}

/// Prior phases in front and in between, an episode that others act in, and beliefs.
fn mixed(id: u64, purpose: Purpose) -> Trial {
    const PHASES: &[(LatentSource, u32, bool)] = &[
        (LatentSource::Prior, 1, true),
        (LatentSource::Posterior, 2, true),
        (LatentSource::Prior, 1, false),
        (LatentSource::Posterior, 2, true),
    ];
    let mut trial = Trial { beliefs: 3, ..trial(id, purpose, PHASES) };
    trial.phases[2].behaviour = Behaviour::Random;
    trial
}

#[test]
fn a_trial_gives_the_same_bits_alone_and_among_others() {
    let trials = |count| -> Vec<Trial> {
        let purpose = |id| if id % 5 == 4 { Purpose::Evaluate } else { Purpose::Train };
        (0..count).map(|id| mixed(id, purpose(id))).collect()
    };
    for spec in forms() {
        let alone = play_as(&spec, QUIET, 1, 5, trials(10));
        assert!(alone.outcomes.values().all(|outcome| outcome.failure.is_none()));
        for slots in [2, 7] {
            let together = play_as(&spec, QUIET, slots, 5, trials(10));
            assert_eq!(alone.cuts, together.cuts, "{slots} slots, {spec:?}");
            assert_eq!(alone.outcomes, together.outcomes, "{slots} slots, {spec:?}");
        }
    }
}

/// The encoder of one version, which looks at whole windows, and nothing is carried.
struct Plain {
    encoder: EncoderNet,
    beliefs: Beliefs,
    /// How far back a window may reach.
    within: Within,
}

impl Plain {
    fn new(spec: &AgentSpec, version: Version) -> Self {
        let Context::Window { within, .. } = spec.encoder.context else {
            panic!("expected a window");
        };
        let params = fake::telling_params(spec, version.0);
        let encoder = EncoderNet::from_params(&spec.encoder, &params).unwrap();
        Self { encoder, beliefs: Beliefs::new(&spec.encoder), within }
    }

    /// Reads the belief after the last of `episode`'s rows, with `earlier` ones of the trial before.
    fn look(&mut self, earlier: &[f32], episode: &[f32]) -> &mut Beliefs {
        let seen = match self.within {
            Within::Episode => episode.to_vec(),
            Within::Trial => [earlier, episode].concat(),
        };
        let rows = (seen.len() / 9).min(SIZE);
        let window = &seen[seen.len() - rows * 9..];
        let mut described = vec![0.0; self.encoder.spec().described_by()];
        self.encoder.encode(window, &[rows], &mut described).unwrap();
        self.beliefs.read(&described).unwrap();
        &mut self.beliefs
    }
}

/// z at every step is what the last transitions say, through the encoder that the chunk names, and
/// so is every belief, however often weights changed on the way.
#[test]
fn every_step_acts_on_the_window_before_it() {
    let trials: Vec<Trial> = (0..5).map(|id| mixed(id, Purpose::Train)).collect();
    let mixture = Posterior::Mixture { components: 3, choose: Choose::Weighted };
    let product = Encoder::Transitions { hidden: vec![8], merge: Merge::Product };
    for within in [Within::Episode, Within::Trial] {
        for swaps in [&[][..], &[7, 18, 19, 44, 61][..]] {
            for (body, posterior) in [(gru(Memory::Window), mixture), (product.clone(), GAUSSIAN)] {
                let spec = spec(body, posterior, 1, within);
                let played = play_with_swaps(&spec, QUIET, 4, &trials, swaps);
                trials.iter().for_each(|trial| check_trial(&spec, trial, &played));
            }
        }
    }
}

fn check_trial(spec: &AgentSpec, trial: &Trial, played: &Played) {
    let outcome = &played.outcomes[&trial.id.0];
    assert_eq!(outcome.failure, None);
    let mut earlier = Vec::new();
    for (number, episode) in (0..).zip(&outcome.episodes) {
        let rows = context_rows(played, trial, number);
        let mut dice = stream(trial.seed, Role::Latent, number.into(), 0);
        let mut noise = vec![0.0; spec.encoder.noise()];
        let phase = trial.phase_of(number).unwrap();
        let held = {
            let mut z = [0.0; 2];
            nets::gaussian::fill_standard_normal(&mut dice.clone(), &mut z);
            z[0]
        };
        for cut in cuts_of(played, trial, number) {
            assert_eq!(cut.encoder_version, cut.policy_version);
            let mut plain = Plain::new(spec, cut.encoder_version);
            for (step, action) in (cut.offset as usize..).zip(cut.segment.actions().chunks(2)) {
                let mut given = [held, 0.0];
                if phase.latent == LatentSource::Posterior {
                    nets::gaussian::fill_standard_normal(&mut dice, &mut noise);
                    let beliefs = plain.look(&earlier, &rows[..step * 9]);
                    beliefs.observe(&noise, &mut given).unwrap();
                }
                let acts = phase.behaviour == Behaviour::Policy;
                let told = action[0];
                assert!(!acts || (told - given[0].tanh()).abs() < 1e-4, "{told} {given:?}");
            }
        }
        let mut plain = Plain::new(spec, episode.version);
        let last = episode.beliefs.last().unwrap();
        assert_eq!(last.step, episode.length);
        check_belief(last, plain.look(&earlier, &rows));
        earlier.extend(rows);
    }
}

fn check_belief(got: &Belief, expected: &Beliefs) {
    assert!(close(&got.mean, expected.mean(), 1e-4), "{got:?}");
    assert!(close(&got.variance, expected.variance(), 1e-4), "{got:?}");
    assert_eq!(got.component as usize, expected.components()[0]);
}

/// Weights that come in mid-episode lead to the bits that they lead to from the start: random
/// actions make the transitions the same in both.
#[test]
fn new_weights_find_what_they_would_have_built_up() {
    const PHASES: &[(LatentSource, u32, bool)] = &[(LatentSource::Posterior, 2, true)];
    let fake = Fake { terminates: 0.0, ..QUIET };
    let trials: Vec<Trial> = (0..3)
        .map(|id| {
            let mut trial = Trial { beliefs: 13, ..trial(id, Purpose::Train, PHASES) };
            trial.phases[0].behaviour = Behaviour::Random;
            trial
        })
        .collect();
    for spec in forms() {
        let beliefs_after = |swap: usize| -> Vec<Belief> {
            let played = play_with_swaps(&spec, fake, 4, &trials, &[swap]);
            let outcomes = played.outcomes.into_values();
            let last = outcomes.flat_map(|outcome| outcome.episodes.into_iter().last());
            last.flat_map(|episode| episode.beliefs).collect()
        };
        // Version 2 from the first step of the second episode on, and from its seventh on.
        let (early, late) = (beliefs_after(13), beliefs_after(19));
        for (early, late) in early.iter().zip(&late) {
            assert_eq!(early.step > 6, early == late, "step {} of {spec:?}", early.step);
        }
    }
}

/// A draw stays one in evaluation, and is the same for the same seed.
#[test]
fn evaluation_draws_z_as_training_does() {
    const PHASES: &[(LatentSource, u32, bool)] = &[(LatentSource::Posterior, 2, true)];
    let returns = |observe, purpose| {
        let mut spec = spec(gru(Memory::Window), GAUSSIAN, 1, Within::Episode);
        spec.encoder.observe = observe;
        let trials = (0..3).map(|id| trial(id, purpose, PHASES)).collect();
        play_as(&spec, QUIET, 2, 5, trials).outcomes
    };
    let evaluate = |observe| returns(observe, Purpose::Evaluate);
    assert_eq!(evaluate(Observe::Sample), evaluate(Observe::Sample));
    assert_ne!(evaluate(Observe::Sample), evaluate(Observe::Mean));
    let train = |observe| returns(observe, Purpose::Train);
    assert_ne!(train(Observe::Sample), train(Observe::Mean));
}
