//! The tracker against the encoder run over whole contexts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nets::gaussian::fill_standard_normal;
use nets::{EncoderNet, EncoderSpec, Network, Params, Tracker, init};
use types::experiment::{Context, Encoder, Memory, Merge, Pooling, Posterior, Variance, Within};
use types::{Role, stream};

const SIZE: usize = 8;
const SLOTS: usize = 3;
const STEPS: usize = 60;

fn gru(memory: Memory) -> Encoder {
    Encoder::Gru { width: 11, layers: 2, rectify: true, memory }
}

fn spec(context: Context, body: Encoder) -> EncoderSpec {
    let variance = match body {
        Encoder::Transitions { .. } => Variance::Exponential,
        _ => Variance::Softplus,
    };
    EncoderSpec {
        context,
        body,
        head: vec![5],
        posterior: Posterior::Gaussian { variance },
        ..EncoderSpec::gaussian_product([3, 2], true, vec![9, 7], 2)
    }
}

/// Every form with what there is to be incremental about.
fn specs() -> Vec<EncoderSpec> {
    let window = |stride| Context::Window { size: SIZE, stride, within: Within::Episode };
    let transitions = |merge| Encoder::Transitions { hidden: vec![9, 7], merge };
    let merges = [Merge::Product, Merge::Mean, Merge::Pairs].map(transitions);
    let anew = [
        Encoder::Window { hidden: vec![9] },
        Encoder::Convolution { channels: vec![6, 4], kernel: 2 },
        Encoder::Attention { width: 8, heads: 2, layers: 1, queries: 2 },
        Encoder::Transformer { width: 8, heads: 2, layers: 1, pooling: Pooling::Moments },
    ];
    let memories = [Memory::Window, Memory::Staggered { states: 4 }, Memory::Carried].map(gru);
    let set = |body: &Encoder| spec(Context::Set { size: 4 }, body.clone());
    let strided = |body: &Encoder| spec(window(3), body.clone());
    let mut specs: Vec<EncoderSpec> = merges.iter().map(set).collect();
    specs.extend(merges.iter().chain(&memories).map(strided));
    specs.extend(merges.into_iter().chain(anew).chain(memories).map(|body| spec(window(1), body)));
    specs
}

fn encoder(spec: &EncoderSpec, seed: u64) -> EncoderNet {
    let loud = |network: Network| Network { output_bound: 0.7, ..network };
    let networks: Vec<Network> = spec.networks().into_iter().map(loud).collect();
    let params: Params =
        init::networks(&networks, &mut stream(seed, Role::Initialise, 0, 0)).unwrap();
    EncoderNet::from_params(spec, &params).unwrap()
}

/// What is said of one slot, by a tracker of its own that sees its rows one by one.
struct Alone {
    tracker: Tracker,
    rows: Vec<Vec<f32>>,
}

impl Alone {
    fn new(spec: &EncoderSpec) -> Self {
        Self { tracker: Tracker::new(spec, 1).unwrap(), rows: Vec::new() }
    }

    fn start(&mut self) {
        self.tracker.start(0).unwrap();
        self.rows.clear();
    }

    fn advance(&mut self, row: &[f32]) {
        self.tracker.advance(0, row).unwrap();
        self.rows.push(row.to_vec());
    }

    fn describe(&mut self, encoder: &mut EncoderNet) -> Vec<f32> {
        let mut described = vec![0.; encoder.spec().described_by()];
        self.tracker.describe(encoder, &[0], &mut described).unwrap();
        described
    }

    /// The rows that the tracker says it draws upon, through the whole encoder.
    fn plain(&self, encoder: &mut EncoderNet) -> Vec<f32> {
        let (length, seen) = (self.tracker.length(0).unwrap(), self.rows.len());
        let stride = match encoder.spec().context {
            Context::Set { .. } => 1,
            Context::Window { stride, .. } => stride,
        };
        let taken = (0..length).rev().map(|back| &self.rows[seen - 1 - back * stride]);
        let rows: Vec<f32> = taken.flatten().copied().collect();
        let mut described = vec![0.; encoder.spec().described_by()];
        encoder.encode(&rows, &[length], &mut described).unwrap();
        described
    }

    /// Rows of a full context that has seen `seen`.
    fn expected_length(&self, spec: &EncoderSpec) -> std::ops::RangeInclusive<usize> {
        let seen = self.rows.len();
        let stride = match spec.context {
            Context::Set { .. } => return seen..=seen,
            Context::Window { stride, .. } => stride,
        };
        let full = seen.div_ceil(stride).min(SIZE);
        match spec.body {
            Encoder::Gru { memory: Memory::Carried, .. } if stride == 1 => seen..=seen,
            Encoder::Gru { memory: Memory::Staggered { states }, .. } if stride == 1 => {
                full.min(SIZE - SIZE / states + 1)..=full
            }
            _ => full..=full,
        }
    }
}

fn close(expected: &[f32], got: &[f32], what: &str) {
    for (e, g) in expected.iter().zip(got) {
        assert!((e - g).abs() <= 1e-5 * e.abs().max(1.), "{what}: {expected:?}, got {got:?}");
    }
}

/// The encoder for windows as long as the run: what a carried state amounts to.
fn unbounded(spec: &EncoderSpec) -> EncoderSpec {
    let carried = matches!(spec.body, Encoder::Gru { memory: Memory::Carried, .. });
    match spec.context {
        Context::Window { stride: 1, within, .. } if carried => EncoderSpec {
            context: Context::Window { size: STEPS, stride: 1, within },
            ..spec.clone()
        },
        _ => spec.clone(),
    }
}

/// Several slots that start, advance and are asked at different times, next to each alone; the
/// weights change twice on the way.
#[test]
fn what_is_kept_equals_what_is_worked_out_anew_alone_or_in_company() {
    for spec in specs() {
        let mut together = Tracker::new(&spec, SLOTS).unwrap();
        let mut apart: Vec<Alone> = (0..SLOTS).map(|_| Alone::new(&spec)).collect();
        let mut dice = stream(7, Role::Environment, 0, 0);
        let both = |weights| [encoder(&spec, weights), encoder(&unbounded(&spec), weights)];
        let [mut encoder, mut plain] = both(0);
        for step in 0..STEPS {
            if step % 25 == 20 {
                [encoder, plain] = both(step as u64);
                together.rebuild();
                apart.iter_mut().for_each(|alone| alone.tracker.rebuild());
            }
            for (slot, alone) in apart.iter_mut().enumerate() {
                if slot > 0 && step % (13 * slot) == 4 {
                    together.start(slot).unwrap();
                    alone.start();
                }
                let mut row = vec![0.; spec.width()];
                fill_standard_normal(&mut dice, &mut row);
                together.advance(slot, &row).unwrap();
                alone.advance(&row);
            }
            let apart_now: Vec<Vec<f32>> =
                apart.iter_mut().map(|alone| alone.describe(&mut encoder)).collect();
            let asked: Vec<usize> =
                (0..SLOTS).rev().filter(|slot| step % (slot + 2) != 0).collect();
            let mut described = vec![0.; asked.len() * spec.described_by()];
            together.describe(&mut encoder, &asked, &mut described).unwrap();
            for (got, &slot) in described.chunks(spec.described_by()).zip(&asked) {
                let alone = &apart[slot];
                let what = format!("{spec:?} step {step} slot {slot}");
                let length = alone.tracker.length(0).unwrap();
                assert!(alone.expected_length(&spec).contains(&length), "{what}: {length}");
                assert_eq!(apart_now[slot], got, "{what}");
                close(&alone.plain(&mut plain), got, &what);
            }
        }
    }
}

#[test]
fn without_transitions_it_is_the_answer_to_an_empty_context() {
    for spec in specs() {
        let mut encoder = encoder(&spec, 3);
        let mut alone = Alone::new(&spec);
        assert_eq!(alone.describe(&mut encoder), alone.plain(&mut encoder), "{spec:?}");
    }
}

#[test]
fn slots_and_encoders_that_do_not_fit_are_refused() {
    let specs = specs();
    let mut tracker = Tracker::new(&specs[0], 2).unwrap();
    let mut described = vec![0.; 2 * specs[0].described_by()];
    let mut refusal = |spec: &EncoderSpec, slots: &[usize]| {
        tracker.describe(&mut encoder(spec, 1), slots, &mut described).unwrap_err().to_string()
    };
    let expected = "slot of a tracker: expected one below 2, named once, got ";
    assert_eq!(refusal(&specs[0], &[0, 2]), format!("{expected}2"));
    assert_eq!(refusal(&specs[0], &[1, 1]), format!("{expected}1"));
    assert_eq!(refusal(&specs[0], &[1]), "descriptions: expected 4 numbers, got 8");
    assert!(refusal(&specs[1], &[0, 1]).starts_with("encoder: expected that of the tracker"));
    let refused = tracker.advance(0, &[0.; 3]).unwrap_err().to_string();
    assert_eq!(refused, "context row: expected 9 numbers, got 3");
}
