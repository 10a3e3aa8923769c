//! The encoder kept up with the transitions of many environments.

mod recurrent;
mod rows;
mod sliding;
mod sums;

use crate::encoder::Body;
use crate::error::length;
use crate::{EncoderNet, EncoderSpec, Error};
use recurrent::Carried;
use rows::Rows;
use sums::Sums;
use types::experiment::Context;

/// What an actor's environments have seen of their tasks, one slot per environment, and what the
/// encoder says of it.
///
/// Each slot holds the context of one trial or episode, as [`EncoderSpec::context`] says. At each
/// step: [`Tracker::advance`] for the slots that made a transition, then one
/// [`Tracker::describe`] for all slots that act.
///
/// A slot depends on its own transitions since [`Tracker::start`] only, to the last bit: not on the
/// other slots, not on how many transitions came between two descriptions, and not on when the
/// weights changed.
///
/// | encoder | what is done for a new transition |
/// |---|---|
/// | transitions | it goes through the network; sums are kept |
/// | gru, staggered | each state takes one step; the oldest that has seen no more than a window is used |
/// | gru, carried | the state takes one step |
/// | all others, and every window with a stride above 1 | the whole window is encoded anew |
#[derive(Debug)]
pub struct Tracker {
    spec: EncoderSpec,
    slots: Vec<Rows>,
    form: Form,
}

/// What is kept beside the rows.
#[derive(Debug)]
enum Form {
    /// Nothing, but room for the rows of all contexts.
    Anew { gathered: Vec<f32>, lengths: Vec<usize> },
    /// Sums over rows.
    Sums(Sums),
    /// Recurrent states.
    Carried(Carried),
}

impl Form {
    fn of(spec: &EncoderSpec, slots: usize) -> Self {
        let anew = Self::Anew { gathered: Vec::new(), lengths: Vec::new() };
        if matches!(spec.context, Context::Window { stride, .. } if stride > 1) {
            return anew;
        }
        if let Some(merge) = Sums::merge_of(spec) {
            return Self::Sums(Sums::new(spec, merge, slots));
        }
        Carried::of(spec, slots).map_or(anew, Self::Carried)
    }

    fn start(&mut self, slot: usize) {
        match self {
            Self::Anew { .. } => {}
            Self::Sums(sums) => sums.start(slot),
            Self::Carried(carried) => carried.start(slot),
        }
    }
}

impl Tracker {
    /// `slots` contexts without transitions.
    ///
    /// # Errors
    /// [`Error::Spec`] for impossible sizes.
    pub fn new(spec: &EncoderSpec, slots: usize) -> Result<Self, Error> {
        spec.check()?;
        let form = Form::of(spec, slots);
        let slots = (0..slots).map(|_| Rows::of(spec)).collect();
        Ok(Self { spec: spec.clone(), slots, form })
    }

    /// Forgets what `slot` has seen: at the start of a trial, and of an episode where the context
    /// does not reach beyond it.
    ///
    /// # Errors
    /// [`Error::Slot`].
    pub fn start(&mut self, slot: usize) -> Result<(), Error> {
        self.slot(slot)?.clear();
        self.form.start(slot);
        Ok(())
    }

    /// Makes room for so many more transitions of `slot`, so that a set of them can grow without
    /// allocating. Windows have their room from the beginning.
    ///
    /// # Errors
    /// [`Error::Slot`].
    pub fn reserve(&mut self, slot: usize, transitions: usize) -> Result<(), Error> {
        self.slot(slot)?.reserve(transitions);
        Ok(())
    }

    /// Adds the newest transition `row` `[width]`. Costs a copy; the encoder runs when it is asked.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::Length`].
    pub fn advance(&mut self, slot: usize, row: &[f32]) -> Result<(), Error> {
        length("context row", self.spec.width(), row.len())?;
        self.slot(slot)?.push(row);
        Ok(())
    }

    /// Transitions of `slot` that the next description draws upon: none to
    /// [`EncoderSpec::rows`] for a window, all of a set, all that a carried state has seen.
    ///
    /// # Errors
    /// [`Error::Slot`].
    pub fn length(&self, slot: usize) -> Result<usize, Error> {
        let rows = self.slots.get(slot).ok_or(no_slot(slot, self.slots.len()))?;
        Ok(match &self.form {
            Form::Anew { .. } | Form::Sums(_) => rows.taken().count(),
            Form::Carried(carried) => carried.length(rows.count()),
        })
    }

    /// Fills `described` `[slots, described_by]` with what `encoder` says of the contexts of
    /// `slots`, all at once. Each slot is named at most once.
    ///
    /// Allocates nothing, except when there is more of something than ever before.
    ///
    /// # Errors
    /// [`Error::Slot`]; [`Error::Length`]; [`Error::Spec`] if the encoder is that of another spec.
    pub fn describe(
        &mut self,
        encoder: &mut EncoderNet,
        slots: &[usize],
        described: &mut [f32],
    ) -> Result<(), Error> {
        let each = self.spec.described_by();
        length("descriptions", slots.len() * each, described.len())?;
        self.check(encoder, slots)?;
        let inputs = &encoder.inputs;
        match (&mut self.form, &mut encoder.body) {
            (Form::Sums(sums), Body::Product(transitions)) => {
                let described = described.chunks_exact_mut(each);
                sums.read(&self.slots, slots, (transitions, inputs), described);
            }
            (Form::Sums(sums), Body::Pooled(transitions, head)) => {
                let features = head.inputs(slots.len());
                sums.read(&self.slots, slots, (transitions, inputs), features);
                head.forward_into(described);
            }
            (Form::Carried(carried), Body::Gru(recurrent, head)) => {
                carried.read(&self.slots, slots, (recurrent, inputs), head);
                head.forward_into(described);
            }
            (Form::Anew { gathered, lengths }, _) => {
                gather(&self.slots, slots, gathered, lengths);
                encoder.encode(gathered, lengths, described)?;
            }
            _ => return Err(other_encoder(&self.spec, encoder)),
        }
        Ok(())
    }

    /// To be called when the weights of the encoder have changed: what follows is as if the new
    /// ones had always been there, worked out from the rows that are kept. Of a carried state that
    /// is the last 2,048 rows; for everything else, all that matters.
    pub fn rebuild(&mut self) {
        (0..self.slots.len()).for_each(|slot| self.form.start(slot));
    }

    fn check(&self, encoder: &EncoderNet, slots: &[usize]) -> Result<(), Error> {
        if *encoder.spec() != self.spec {
            return Err(other_encoder(&self.spec, encoder));
        }
        let wrong = slots
            .iter()
            .enumerate()
            .find(|(place, slot)| **slot >= self.slots.len() || slots[..*place].contains(slot));
        wrong.map_or(Ok(()), |(_, &slot)| Err(no_slot(slot, self.slots.len())))
    }

    fn slot(&mut self, slot: usize) -> Result<&mut Rows, Error> {
        let slots = self.slots.len();
        self.slots.get_mut(slot).ok_or(no_slot(slot, slots))
    }
}

fn no_slot(got: usize, slots: usize) -> Error {
    Error::Slot { slots, got }
}

fn other_encoder(expected: &EncoderSpec, encoder: &EncoderNet) -> Error {
    Error::Spec {
        field: "encoder".to_owned(),
        expected: format!("that of the tracker, {expected:?}"),
        got: format!("{:?}", encoder.spec()),
    }
}

/// Copies the rows of the slots `asked` behind each other.
fn gather(slots: &[Rows], asked: &[usize], gathered: &mut Vec<f32>, lengths: &mut Vec<usize>) {
    gathered.clear();
    lengths.clear();
    for &slot in asked {
        slots[slot].taken().for_each(|row| gathered.extend_from_slice(row));
        lengths.push(slots[slot].taken().count());
    }
}
