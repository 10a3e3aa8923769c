use super::fake::{self, Fake, agent, telling_agent, telling_mean, trial};
use super::{Cut, Local, Progress, Rollout};
use nets::AgentSpec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use types::{Behaviour, End, LatentSource, Purpose, Role, Trial, TrialOutcome, Version, stream};

mod sets;
mod windows;

const QUIET: Fake = Fake { horizon: 13, shaped_reward: false, terminates: 0.02, diverges: None };

const PEARL: &[(LatentSource, u32, bool)] = &[
    (LatentSource::Prior, 2, true),
    (LatentSource::Posterior, 1, true),
    (LatentSource::Posterior, 2, false),
];

/// Cuts by (trial, episode, offset), and outcomes by trial.
struct Played {
    cuts: BTreeMap<(u64, u32, u32), Cut>,
    outcomes: BTreeMap<u64, TrialOutcome>,
}

impl Played {
    fn of(cuts: Vec<Cut>, outcomes: Vec<TrialOutcome>) -> Self {
        let key = |c: &Cut| (c.trial.0, c.episode, c.offset);
        Self {
            cuts: cuts.into_iter().map(|c| (key(&c), c)).collect(),
            outcomes: outcomes.into_iter().map(|o| (o.trial.0, o)).collect(),
        }
    }

    fn without(mut self, trial: u64) -> Self {
        self.cuts.retain(|&(t, ..), _| t != trial);
        self.outcomes.remove(&trial);
        self
    }
}

fn play(fake: Fake, slots: usize, chunk: usize, trials: Vec<Trial>) -> Played {
    play_as(&Fake::agent_spec(), fake, slots, chunk, trials)
}

fn play_as(spec: &AgentSpec, fake: Fake, slots: usize, chunk: usize, trials: Vec<Trial>) -> Played {
    let mut rollout = Rollout::new(fake.leak(), spec, slots, chunk).unwrap();
    let mut cuts = Vec::new();
    let agent = agent(spec, 1);
    let mut link = Local::new(agent, trials.into_iter(), |cut| cuts.push(cut));
    rollout.run(&mut link).unwrap();
    let outcomes = std::mem::take(&mut link.outcomes);
    Played::of(cuts, outcomes)
}

fn trials(count: u64) -> Vec<Trial> {
    (0..count)
        .map(|id| match id % 5 {
            4 => trial(id, Purpose::Evaluate, PEARL),
            _ => trial(id, Purpose::Train, PEARL),
        })
        .collect()
}

#[test]
fn a_trial_gives_the_same_bits_alone_and_among_others() {
    let alone = play(QUIET, 1, 5, trials(20));
    assert_eq!(alone.outcomes.len(), 20);
    for slots in [2, 3, 8] {
        let together = play(QUIET, slots, 5, trials(20));
        assert_eq!(alone.cuts, together.cuts, "{slots} slots");
        assert_eq!(alone.outcomes, together.outcomes, "{slots} slots");
    }
}

#[test]
fn evaluation_sends_nothing_and_acts_without_noise() {
    let evaluate = |id| trial(id, Purpose::Evaluate, PEARL);
    let played = play(QUIET, 2, 5, (0..4).map(evaluate).collect());
    assert!(played.cuts.is_empty());
    assert_eq!(played.outcomes.len(), 4);
    assert!(played.outcomes.values().all(|o| o.episodes.len() == 5));
}

#[test]
fn a_diverging_simulation_costs_one_trial_and_nothing_else() {
    let broken = Fake { diverges: Some((2, 6)), terminates: 0.0, ..QUIET };
    let sound = Fake { diverges: None, ..broken };
    let with = play(broken, 2, 4, trials(4));
    let failed = with.outcomes[&2].failure.clone().unwrap();
    for part in ["1e30", "task train-2", "trial seed 1002", "episode 0", "step 6"] {
        assert!(failed.contains(part), "{failed}");
    }
    let (with, without) = (with.without(2), play(sound, 2, 4, trials(4)).without(2));
    assert_eq!(with.outcomes.len(), 3);
    assert_eq!(with.cuts, without.cuts);
    assert_eq!(with.outcomes, without.outcomes);
}

#[test]
fn a_task_that_is_not_there_is_an_outcome() {
    let mut unknown = trial(0, Purpose::Train, PEARL);
    unknown.task.index = fake::TASKS;
    let played = play(QUIET, 1, 4, vec![unknown, trial(1, Purpose::Train, PEARL)]);
    let failure = played.outcomes[&0].failure.clone().unwrap();
    assert!(failure.contains("4 training and 4 test"), "{failure}");
    assert_eq!(played.outcomes[&1].failure, None);
}

/// Plays with new weights at the given steps.
fn play_with_swaps(
    spec: &AgentSpec,
    fake: Fake,
    chunk: usize,
    trials: &[Trial],
    swaps: &[usize],
) -> Played {
    const SLOTS: usize = 3;
    let mut rollout = Rollout::new(fake.leak(), spec, SLOTS, chunk).unwrap();
    let mut cuts = Vec::new();
    let source = trials.iter().cloned();
    let mut link = Local::new(telling_agent(spec, 1), source, |cut| cuts.push(cut));
    let mut version = 1;
    for step in 0.. {
        if swaps.contains(&step) {
            version += 1;
            link.publish(telling_agent(spec, version));
        }
        if rollout.advance(&mut link).unwrap() == Progress::Idle {
            break;
        }
    }
    let outcomes = std::mem::take(&mut link.outcomes);
    Played::of(cuts, outcomes)
}

/// The chunks of an episode in order.
fn cuts_of(played: &Played, trial: &Trial, episode: u32) -> Vec<Cut> {
    let range = (trial.id.0, episode, 0)..(trial.id.0, episode + 1, 0);
    played.cuts.range(range).map(|(_, cut)| cut.clone()).collect()
}

/// Everything that a learner relies on, for one trial.
fn check(fake: Fake, chunk: usize, trial: &Trial, played: &Played) {
    let outcome = &played.outcomes[&trial.id.0];
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.episodes.len(), trial.episodes() as usize);
    let mut newest = Version(0);
    for (number, episode) in (0..).zip(&outcome.episodes) {
        let cuts = cuts_of(played, trial, number);
        let context = trial.phase_of(number).unwrap().context;
        let (mut offset, mut total) = (0, 0.0);
        for (i, cut) in cuts.iter().enumerate() {
            check_cut(fake, cut, cuts.get(i + 1));
            assert!(cut.segment.len() <= chunk);
            assert_eq!((cut.task, cut.context, cut.offset), (trial.task, context, offset));
            assert_eq!(cut.encoder_version, cuts[0].encoder_version);
            assert!(cut.policy_version >= newest, "versions never go back");
            newest = cut.policy_version;
            offset += u32::try_from(cut.segment.len()).unwrap();
            total += cut.segment.rewards().iter().map(|&r| f64::from(r)).sum::<f64>();
        }
        assert_eq!(cuts.last().unwrap().segment.end(), Some(episode.end));
        assert_eq!((offset, newest), (episode.length, episode.version));
        assert!((total - episode.task_return).abs() < 1e-3);
        assert!(episode.end == End::Terminated || offset as usize == fake.horizon);
    }
}

fn check_cut(fake: Fake, cut: &Cut, next: Option<&Cut>) {
    let segment = &cut.segment;
    assert!(cut.encoder_version <= cut.policy_version);
    let mean = telling_mean(cut.policy_version.0);
    for action in segment.actions().chunks_exact(2) {
        assert!((action[1] - mean.tanh()).abs() < 1e-5, "one version acted");
    }
    if let Some(next) = next {
        let rows = segment.observations();
        assert_eq!(rows[rows.len() - 3..], next.segment.observations()[..3]);
        assert_eq!(segment.end(), None);
    }
    let shaped: Vec<f32> = segment.rewards().iter().map(|r| 2.0 * r).collect();
    assert_eq!(segment.shaped_rewards(), if fake.shaped_reward { &shaped[..] } else { &[] });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_of_an_episode_fit_together(
        chunk in 1usize..20,
        horizon in 1usize..25,
        shaped_reward: bool,
        terminates in prop_oneof![Just(0.0), Just(0.1)],
        swaps in prop::collection::btree_set(1usize..200, 0..12),
    ) {
        let fake = Fake { horizon, shaped_reward, terminates, diverges: None };
        let trials: Vec<Trial> = (0..7).map(|id| trial(id, Purpose::Train, PEARL)).collect();
        let swaps: Vec<usize> = swaps.into_iter().collect();
        let played = play_with_swaps(&Fake::agent_spec(), fake, chunk, &trials, &swaps);
        for trial in &trials {
            check(fake, chunk, trial, &played);
        }
    }
}

/// Context rows of the transitions of an episode.
fn context_rows(played: &Played, trial: &Trial, episode: u32) -> Vec<f32> {
    let mut rows = Vec::new();
    for cut in cuts_of(played, trial, episode) {
        let s = &cut.segment;
        for t in 0..s.len() {
            rows.extend_from_slice(&s.observations()[3 * t..3 * t + 3]);
            rows.extend_from_slice(&s.actions()[2 * t..2 * t + 2]);
            rows.push(s.rewards()[t]);
            rows.extend_from_slice(&s.observations()[3 * t + 3..3 * t + 6]);
        }
    }
    rows
}

fn close(got: &[f32], expected: &[f32], tolerance: f32) -> bool {
    got.len() == expected.len()
        && got.iter().zip(expected).all(|(g, e)| (g - e).abs() <= tolerance * e.abs().max(1.0))
}

/// A trial whose episodes are acted in by others than the policy.
fn explored(id: u64, behaviour: Behaviour) -> Trial {
    let mut trial = trial(id, Purpose::Train, &[(LatentSource::Prior, 2, true)]);
    trial.phases[0].behaviour = behaviour;
    trial
}

/// Random behaviours depend on the seed alone, and what is recorded is what was done.
#[test]
fn a_random_behaviour_takes_the_place_of_the_policy() {
    let spec = Fake::agent_spec();
    let behaviours = [Behaviour::Random, Behaviour::RandomMemory { every: 3 }];
    for behaviour in behaviours {
        let trials: Vec<Trial> = (0..5).map(|id| explored(id, behaviour)).collect();
        let alone = play(QUIET, 1, 4, trials.clone());
        let swapped = play_with_swaps(&spec, QUIET, 4, &trials, &[3, 11, 19]);
        for trial in &trials {
            for episode in 0..2 {
                let rows = context_rows(&alone, trial, episode);
                assert_eq!(rows, context_rows(&swapped, trial, episode), "weights do not matter");
                let mut hand = super::behaviour::Hand::new(trial.seed, episode, behaviour);
                for row in rows.chunks_exact(9) {
                    let mut action = [0.0; 2];
                    hand.act(&mut action);
                    assert_eq!(row[3..5], action);
                }
            }
        }
        let first = |episode| context_rows(&alone, &trials[0], episode)[3..5].to_vec();
        assert_ne!(first(0), first(1));
    }
}
