//! Control messages come back as they were, and those that stand for nothing are refused.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message as _;
use proto::v1;
use types::{
    Behaviour, Belief, End, EpisodeOutcome, LatentSource, Phase, Purpose, Split, TaskRef, Trial,
    TrialId, TrialOutcome, Version,
};

fn task() -> impl Strategy<Value = TaskRef> {
    (select(vec![Split::Train, Split::Test]), any::<u32>())
        .prop_map(|(split, index)| TaskRef { split, index })
}

fn purpose() -> impl Strategy<Value = Purpose> {
    select(vec![Purpose::Train, Purpose::Evaluate])
}

fn trial() -> impl Strategy<Value = Trial> {
    let latent = select(vec![LatentSource::Prior, LatentSource::Posterior]);
    let phase = (latent, 1u32..50, any::<bool>()).prop_map(|(latent, episodes, context)| Phase {
        latent,
        episodes,
        context,
        behaviour: match episodes % 3 {
            0 => Behaviour::Policy,
            1 => Behaviour::Random,
            _ => Behaviour::RandomMemory { every: episodes },
        },
    });
    (any::<[u64; 3]>(), task(), purpose(), vec(phase, 1..5)).prop_map(
        |([id, seed, version], task, purpose, phases)| Trial {
            id: TrialId(id),
            task,
            purpose,
            phases,
            seed,
            min_version: Version(version),
            beliefs: 0,
        },
    )
}

fn outcome() -> impl Strategy<Value = TrialOutcome> {
    let end = select(vec![End::Terminated, End::Truncated]);
    let episode = (any::<f64>(), any::<u32>(), end, any::<u64>()).prop_map(
        |(task_return, length, end, version)| EpisodeOutcome {
            task_return,
            length,
            end,
            version: Version(version),
            beliefs: vec![Belief {
                step: length,
                task: length % 7,
                mean: vec![0.5, -1.0],
                variance: vec![0.25, 2.0],
                component: length % 3,
            }],
        },
    );
    (any::<u64>(), task(), purpose(), vec(episode, 0..5), any::<Option<String>>()).prop_map(
        |(trial, task, purpose, episodes, failure)| TrialOutcome {
            trial: TrialId(trial),
            task,
            purpose,
            episodes,
            failure,
        },
    )
}

/// Any trial that a message can hold; a good one now and then.
fn any_wire_trial() -> impl Strategy<Value = v1::Trial> {
    let choice = || prop_oneof![9 => 1u32..=2, 1 => any::<u32>()];
    let episodes = prop_oneof![9 => 0u32..=400_000, 1 => any::<u32>()];
    let phase = (choice(), episodes, any::<bool>()).prop_map(|(latent, episodes, context)| {
        v1::Phase { latent, episodes, context, ..v1::Phase::default() }
    });
    let task = (choice(), any::<u32>()).prop_map(|(split, index)| v1::TaskRef { split, index });
    (any::<[u64; 3]>(), weighted(0.9, task), choice(), vec(phase, 0..5)).prop_map(
        |([id, seed, min_version], task, purpose, phases)| v1::Trial {
            id,
            task,
            purpose,
            phases,
            seed,
            min_version,
            beliefs: 0,
        },
    )
}

proptest! {
    #[test]
    fn a_trial_comes_back_as_it_was(trial in trial()) {
        let bytes = v1::Trial::from(trial.clone()).encode_to_vec();
        let received = v1::Trial::decode(&bytes[..]).unwrap();
        prop_assert_eq!(Trial::try_from(received).unwrap(), trial);
    }

    #[test]
    fn an_outcome_comes_back_as_it_was(outcome in outcome()) {
        let bytes = v1::TrialOutcome::from(outcome.clone()).encode_to_vec();
        let received = v1::TrialOutcome::decode(&bytes[..]).unwrap();
        prop_assert_eq!(TrialOutcome::try_from(received).unwrap(), outcome);
    }

    /// A trial that was accepted has episodes that can be counted, and stands for what was sent.
    #[test]
    fn whatever_trial_is_accepted_can_be_carried_out(wire in any_wire_trial()) {
        if let Ok(trial) = Trial::try_from(wire.clone()) {
            prop_assert!((1..=1_000_000).contains(&trial.episodes()));
            prop_assert!(trial.phase_of(0).is_some());
            prop_assert!(trial.phase_of(trial.episodes()).is_none());
            prop_assert_eq!(v1::Trial::from(trial), wire);
        }
    }
}

#[test]
fn a_trial_that_stands_for_nothing_is_refused_with_expected_and_got() {
    let trial = Trial {
        id: TrialId(1),
        task: TaskRef { split: Split::Train, index: 0 },
        purpose: Purpose::Train,
        phases: vec![
            Phase {
                latent: LatentSource::Prior,
                episodes: 1,
                context: true,
                behaviour: Behaviour::Policy
            };
            2
        ],
        seed: 0,
        min_version: Version(0),
        beliefs: 0,
    };
    type Case = (fn(&mut v1::Trial), &'static str);
    let cases: [Case; 7] = [
        (|t| t.purpose = 3, "purpose: expected 1 (train) or 2 (evaluate), got 3"),
        (|t| t.task = None, "trial.task: expected a value, got none"),
        (
            |t| t.task = Some(v1::TaskRef { split: 0, index: 1 }),
            "task.split: expected 1 (train) or 2 (test), got 0",
        ),
        (|t| t.phases[1].latent = 9, "phase.latent: expected 1 (prior) or 2 (posterior), got 9"),
        (|t| t.phases.clear(), "trial.phases: expected 1 to 1000000 episodes in all, got 0"),
        (
            |t| t.phases[0].episodes = 1_000_000,
            "trial.phases: expected 1 to 1000000 episodes in all, got 1000001",
        ),
        (
            |t| t.phases[0].episodes = u32::MAX,
            "trial.phases: expected 1 to 1000000 episodes in all, got 4294967296",
        ),
    ];
    for (damage, expected) in cases {
        let mut wire = v1::Trial::from(trial.clone());
        damage(&mut wire);
        assert_eq!(Trial::try_from(wire).unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_outcome_that_stands_for_nothing_is_refused_with_expected_and_got() {
    let episode = EpisodeOutcome {
        task_return: 1.0,
        length: 2,
        end: End::Truncated,
        version: Version(3),
        beliefs: Vec::new(),
    };
    let outcome = TrialOutcome {
        trial: TrialId(1),
        task: TaskRef { split: Split::Test, index: 0 },
        purpose: Purpose::Evaluate,
        episodes: vec![episode],
        failure: None,
    };
    type Case = (fn(&mut v1::TrialOutcome), &'static str);
    let cases: [Case; 6] = [
        (|o| o.task = None, "outcome.task: expected a value, got none"),
        (|o| o.purpose = 0, "purpose: expected 1 (train) or 2 (evaluate), got 0"),
        (|o| o.episodes[0].end = 0, "episode.end: expected a value, got none"),
        (
            |o| o.episodes[0].end = 3,
            "end: expected 0 (goes on), 1 (terminated) or 2 (truncated), got 3",
        ),
        (
            |o| o.episodes[0].task_return = f64::NAN,
            "episode.task_return: expected a finite number, got NaN",
        ),
        (
            |o| o.episodes[0].task_return = f64::INFINITY,
            "episode.task_return: expected a finite number, got inf",
        ),
    ];
    for (damage, expected) in cases {
        let mut wire = v1::TrialOutcome::from(outcome.clone());
        damage(&mut wire);
        assert_eq!(TrialOutcome::try_from(wire).unwrap_err().to_string(), expected);
    }
}
