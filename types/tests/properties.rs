//! Constructors take what is right, refuse the rest, and say which part was wrong.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use proptest::prelude::*;
use proptest::sample::{Index, select};
use types::experiment::Objective;
use types::segment::SegmentLengths;
use types::{
    Behaviour, EnvSpec, Experiment, LatentSource, Phase, Purpose, Segment, SegmentError, Split,
    TaskRef, Trial, TrialId, Version,
};

const QUICKSTART: &str = include_str!("../../configs/quickstart.toml");

const FIELDS: [&str; 4] = ["observations", "actions", "rewards", "shaped_rewards"];

fn spec() -> impl Strategy<Value = EnvSpec> {
    (1usize..5, 1usize..4, any::<bool>()).prop_map(
        |(observation_dim, action_dim, shaped_reward)| EnvSpec {
            shaped_reward,
            ..EnvSpec::new(observation_dim, action_dim, 64)
        },
    )
}

/// The lengths that `len` transitions have, in the order of [`FIELDS`].
fn right_lengths(spec: &EnvSpec, len: usize) -> [usize; 4] {
    let shaped = if spec.shaped_reward { len } else { 0 };
    [(len + 1) * spec.observation_dim, len * spec.action_dim, len, shaped]
}

/// Right lengths of which each may be off, by anything or by one row.
fn lengths(spec: EnvSpec) -> impl Strategy<Value = [usize; 4]> {
    let other = prop_oneof![6 => Just(None), 1 => (0usize..40).prop_map(Some)];
    (0usize..8, [(); 4].map(|()| other.clone())).prop_map(move |(len, others)| {
        let right = right_lengths(&spec, len);
        std::array::from_fn(|i| others[i].unwrap_or(right[i]))
    })
}

fn build(spec: &EnvSpec, [o, a, r, s]: [Vec<f32>; 4]) -> Result<Segment, SegmentError> {
    Segment::new(spec, o, a, r, s, None)
}

proptest! {
    #[test]
    fn a_segment_is_made_exactly_when_all_lengths_fit_and_else_the_first_wrong_one_is_named(
        (spec, got) in spec().prop_flat_map(|spec| (Just(spec), lengths(spec)))
    ) {
        let made = build(&spec, got.map(|n| vec![0.5; n]));
        let len = got[2];
        let expected = right_lengths(&spec, len);
        match (0..4).find(|&i| got[i] != expected[i]) {
            _ if len == 0 => prop_assert_eq!(made, Err(SegmentError::Empty)),
            None => prop_assert_eq!(made.map(|segment| segment.len()), Ok(len)),
            Some(i) => {
                let why = format!("for {len} transitions of this task family");
                let (field, expected, got) = (FIELDS[i], expected[i], got[i]);
                prop_assert_eq!(made, Err(SegmentError::Length { field, expected, got, why }));
            }
        }
    }

    #[test]
    fn one_number_that_is_not_finite_is_named_wherever_it_is(
        spec in spec(),
        len in 1usize..8,
        which in any::<Index>(),
        at in any::<Index>(),
        bad in select(vec![f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ) {
        let mut arrays = right_lengths(&spec, len).map(|n| vec![0.5; n]);
        let filled: Vec<usize> = (0..4).filter(|&i| !arrays[i].is_empty()).collect();
        let which = filled[which.index(filled.len())];
        let at = at.index(arrays[which].len());
        arrays[which][at] = bad;
        match build(&spec, arrays) {
            Err(SegmentError::NotFinite { field, index, value }) => {
                prop_assert_eq!((field, index), (FIELDS[which], at));
                prop_assert_eq!(value.to_bits(), bad.to_bits());
            }
            other => prop_assert!(false, "{}[{at}] = {bad}: {other:?}", FIELDS[which]),
        }
    }

    /// Also the lengths that the wire checks chunks against.
    #[test]
    fn announced_lengths_are_those_of_a_segment(spec in spec(), len in 1usize..64) {
        let announced = SegmentLengths::of(&spec, len);
        for (field, right) in FIELDS.into_iter().zip(right_lengths(&spec, len)) {
            prop_assert!(announced.check(field, right).is_ok());
            prop_assert!(announced.check(field, right + 1).is_err());
        }
    }

    #[test]
    fn the_phase_of_an_episode_is_found_by_counting(phases in phases()) {
        let trial = Trial {
            id: TrialId(0),
            task: TaskRef { split: Split::Train, index: 0 },
            purpose: Purpose::Train,
            phases,
            seed: 0,
            min_version: Version(0),
            beliefs: 0,
        };
        let one_by_one = |phase: &Phase| vec![*phase; phase.episodes as usize];
        let flat: Vec<Phase> = trial.phases.iter().flat_map(one_by_one).collect();
        prop_assert_eq!(trial.episodes() as usize, flat.len());
        let found: Vec<_> = (0..trial.episodes()).map_while(|e| trial.phase_of(e)).collect();
        prop_assert_eq!(found, flat);
        for past in [trial.episodes(), trial.episodes() + 1, u32::MAX] {
            prop_assert_eq!(trial.phase_of(past), None);
        }
    }

    /// As TOML into the run directory, as JSON to the other processes.
    #[test]
    fn an_experiment_comes_back_as_it_was(
        seed in 0..=i64::MAX.unsigned_abs(), rates in [(); 4].map(|()| written_number())
    ) {
        let mut experiment: Experiment = toml::from_str(QUICKSTART).unwrap();
        experiment.seed = seed;
        experiment.collection.samples_per_insert = rates[0];
        experiment.inference.objective = Objective::Bellman { kl_weight: rates[1] };
        experiment.agent.reward_scale = rates[2];
        experiment.learner.learning_rate = rates[3];
        let text = toml::to_string(&experiment).unwrap();
        prop_assert_eq!(&toml::from_str::<Experiment>(&text).unwrap(), &experiment);
        let text = serde_json::to_string(&experiment).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Experiment>(&text).unwrap(), &experiment);
    }
}

/// A number as people write them; of much longer ones JSON loses the last bit.
fn written_number() -> impl Strategy<Value = f64> {
    (1u32..1_000_000, -12i32..6)
        .prop_map(|(n, exponent)| format!("{n}e{exponent}").parse().unwrap())
}

fn phases() -> impl Strategy<Value = Vec<Phase>> {
    let latent = select(vec![LatentSource::Prior, LatentSource::Posterior]);
    let phase = (latent, 0u32..6, any::<bool>()).prop_map(|(latent, episodes, context)| Phase {
        latent,
        episodes,
        context,
        behaviour: Behaviour::Policy,
    });
    proptest::collection::vec(phase, 0..6)
}

/// A key, what is expected of it, and values (as TOML) at the edge of that and just beyond.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const ADDRESS: &str = "an address such as 127.0.0.1:0";
const WIDTHS: &str = "a list of layer widths, each 1 to 8192";
const ABOVE_ZERO: &str = "a finite number above 0";
const ZERO_OR_ABOVE: &str = "a finite number, 0 or above";

#[rustfmt::skip]
const ROWS: [Row; 38] = [
    ("name", "letters, digits, '-', '_' or '.', not starting with '.'",
        &["'a'", "'A-1_b.c'"], &["''", "'.a'", "'a/b'", "'a b'", "'é'"]),
    ("budget.env_steps", "at least 1", &["1"], &["0"]),
    ("actors.count", "0 to 4096", &["0", "4096"], &["4097"]),
    ("actors.environments", "1 to 1024", &["1", "1024"], &["0", "1025"]),
    ("actors.chunk", "1 to 512", &["1", "512"], &["0", "513", "4294967295"]),
    ("actors.unacknowledged", "at least 2 × actors.chunk", &["128"], &["127"]),
    ("actors.step_timeout_s", "0.001 to 86400.0",
        &["0.001", "86400"], &["0", "-1", "86400.5", "inf", "nan"]),
    ("collection.initial_episodes", "1 to 10000", &["1", "10000"], &["0", "10001"]),
    ("collection.prior_episodes", "0 to 10000", &["1", "10000"], &["10001"]),
    ("collection.posterior_episodes", "0 to 10000", &["0", "10000"], &["10001"]),
    ("collection.extra_episodes", "0 to 10000", &["0", "10000"], &["10001", "4294967295"]),
    ("collection.samples_per_insert", ABOVE_ZERO, &["1e-9"], &["0", "-1", "inf", "nan"]),
    ("collection.open_trials", "1 to 10000", &["1", "10000"], &["0", "10001"]),
    ("inference.latent", "1 to 1024", &["1", "1024"], &["0", "1025"]),
    ("inference.context.size", "1 to 1000000", &["1", "1000000"], &["0", "1000001"]),
    ("inference.encoder.hidden", WIDTHS, &["[1]", "[8192, 1]"], &["[]", "[0]", "[64, 8193]"]),
    ("inference.objective.kl_weight", ZERO_OR_ABOVE, &["0"], &["-0.001", "inf", "nan"]),
    ("agent.temperature.value", ZERO_OR_ABOVE, &["0"], &["-0.001", "inf", "nan"]),
    ("agent.hidden", WIDTHS, &["[1]", "[8192, 1]"], &["[]", "[0]", "[64, 8193]"]),
    ("agent.discount", "at least 0 and below 1", &["0", "0.999"], &["-0.001", "1", "nan"]),
    ("agent.target_rate", "above 0 and at most 1", &["1e-9", "1"], &["0", "1.001", "nan"]),
    ("agent.reward_scale", ABOVE_ZERO, &["1e-9"], &["0", "-1", "inf", "nan"]),
    ("agent.mean_penalty", ZERO_OR_ABOVE, &["0"], &["-0.001", "inf", "nan"]),
    ("agent.log_std_penalty", ZERO_OR_ABOVE, &["0"], &["-0.001", "inf", "nan"]),
    ("learner.device", "auto, cpu, cuda or cuda:<index>",
        &["'auto'", "'cpu'", "'cuda'", "'cuda:3'"], &["''", "'gpu'", "'cuda:'", "'cuda:-1'"]),
    ("learner.tasks", "1 to 65536", &["1", "65536"], &["0", "65537"]),
    ("learner.transitions", "1 to 65536", &["1", "65536"], &["0", "65537"]),
    ("learner.learning_rate", ABOVE_ZERO, &["1e-9"], &["0", "-1", "inf", "nan"]),
    ("learner.publish_every", "at least 1", &["1"], &["0"]),
    ("learner.checkpoint_seconds", ABOVE_ZERO, &["1e-9"], &["0", "-1", "inf", "nan"]),
    ("learner.checkpoints", "2 to 1000", &["2", "1000"], &["1", "1001"]),
    ("replay.segment_mib", "1 to 4096", &["1", "4096"], &["0", "4097"]),
    ("replay.transitions_per_task", "1 to 1000000000", &["1", "1000000000"], &["0", "1000000001"]),
    ("evaluation.every_env_steps", "at least 1", &["1"], &["0"]),
    ("evaluation.episodes", "1 to 10000", &["1", "10000"], &["0", "10001"]),
    ("evaluation.repeats", "1 to 10000", &["1", "10000"], &["0", "10001"]),
    ("network.coordinator", ADDRESS, &["'[::1]:80'"], &["''", "'localhost:0'", "'127.0.0.1'"]),
    ("network.learner", ADDRESS, &["'[::1]:80'"], &["''", "'localhost:0'", "'127.0.0.1'"]),
];

/// The quickstart with one key changed.
fn changed(key: &str, value: &str) -> Experiment {
    let mut experiment: toml::Table = toml::from_str(QUICKSTART).unwrap();
    let mut one: toml::Table = toml::from_str(&format!("value = {value}")).unwrap();
    let (sections, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut table = &mut experiment;
    for section in sections.split('.').filter(|section| !section.is_empty()) {
        table = table[section].as_table_mut().unwrap();
    }
    let old = table.insert(name.to_owned(), one.remove("value").unwrap());
    assert!(old.is_some(), "{key} is no key");
    experiment.try_into().unwrap()
}

#[test]
fn each_key_is_refused_just_outside_its_range_with_expected_and_got() {
    for (key, expected, good, bad) in ROWS {
        for value in good {
            assert_eq!(changed(key, value).validate(), Ok(()), "{key} = {value}");
        }
        for value in bad {
            let refusal = changed(key, value).validate().unwrap_err().to_string();
            let got = value.trim_matches('\'').replace("nan", "NaN");
            assert_eq!(refusal, format!("{key}: expected {expected}, got {got}"));
        }
    }
}
