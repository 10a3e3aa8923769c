//! Recurrent states that go from step to step.

use super::rows::Rows;
use crate::EncoderSpec;
use crate::encoder::{Inputs, Recurrent, States, Turn};
use crate::mlp::Mlp;
use types::experiment::{Encoder, Memory};

/// Per slot one state, or several that were started one after another.
///
/// State k of a slot begins anew with the rows k·spacing + j·window, j = 0, 1, …, counted from the
/// start of the slot; it is used until then, so it has seen 1 to `window` rows. After n rows the
/// oldest has seen all n of them, or more than window − spacing.
#[derive(Debug)]
pub(super) struct Carried {
    states: States,
    /// States of a slot.
    each: usize,
    /// Rows from the start of one state to the start of the next.
    spacing: usize,
    /// Rows that a state sees at most.
    window: usize,
    /// Rows that the states of each slot have taken.
    taken: Vec<usize>,
    turns: Vec<Turn>,
    /// Slots that have a row to take.
    active: Vec<usize>,
}

impl Carried {
    /// For the encoders that carry something.
    pub(super) fn of(spec: &EncoderSpec, slots: usize) -> Option<Self> {
        let Encoder::Gru { width, layers, memory, .. } = spec.body else { return None };
        let (each, window) = match memory {
            Memory::Window => return None,
            Memory::Staggered { states } => (states.max(1), spec.rows()),
            Memory::Carried => (1, usize::MAX),
        };
        Some(Self {
            states: States::new(layers, width, slots * each),
            each,
            spacing: window / each,
            window,
            taken: vec![0; slots],
            turns: Vec::with_capacity(slots * each),
            active: Vec::with_capacity(slots),
        })
    }

    pub(super) fn start(&mut self, slot: usize) {
        self.restart(slot, 0);
    }

    /// Rows that the oldest state has seen when `count` have come.
    pub(super) fn length(&self, count: usize) -> usize {
        self.oldest(count).1
    }

    /// Brings the states of the slots `asked` up to date and puts their features into `head`.
    pub(super) fn read(
        &mut self,
        slots: &[Rows],
        asked: &[usize],
        (encoder, inputs): (&mut Recurrent, &Inputs),
        head: &mut Mlp,
    ) {
        for &slot in asked {
            let first = slots[slot].first();
            if self.taken[slot] < first {
                self.restart(slot, first);
            }
        }
        loop {
            self.active.clear();
            let behind = asked.iter().filter(|&&slot| self.taken[slot] < slots[slot].count());
            self.active.extend(behind);
            if self.active.is_empty() {
                break;
            }
            self.step(slots, encoder, inputs);
        }
        for (features, &slot) in head.inputs(asked.len()).zip(asked) {
            let state = slot * self.each + self.oldest(slots[slot].count()).0;
            encoder.read(&self.states, state, features);
        }
    }

    /// One row for each active slot.
    fn step(&mut self, slots: &[Rows], encoder: &mut Recurrent, inputs: &Inputs) {
        self.turns.clear();
        let rows = encoder.gru.inputs(self.active.len());
        for (input, (seen, &slot)) in rows.zip(&self.active).enumerate() {
            let index = self.taken[slot];
            inputs.see(slots[slot].row(index), seen);
            self.taken[slot] += 1;
            for k in 0..self.each {
                let state = slot * self.each + k;
                match index.checked_sub(k * self.spacing) {
                    None => continue,
                    Some(age) if age % self.window == 0 => self.states.reset(state),
                    Some(_) => {}
                }
                self.turns.push(Turn { input, state });
            }
        }
        encoder.gru.step(&self.turns, &mut self.states);
    }

    fn restart(&mut self, slot: usize, taken: usize) {
        self.taken[slot] = taken;
        (0..self.each).for_each(|k| self.states.reset(slot * self.each + k));
    }

    /// Which state has seen the most when `count` rows have come, and how many.
    fn oldest(&self, count: usize) -> (usize, usize) {
        let ages = (0..self.each).filter_map(|k| {
            let before = count.checked_sub(1 + k * self.spacing)?;
            Some((k, before % self.window + 1))
        });
        ages.max_by_key(|(_, age)| *age).unwrap_or((0, 0))
    }
}
