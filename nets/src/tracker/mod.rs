//! The encoder kept up with the transitions of many environments.

mod rows;

use crate::error::length;
use crate::{EncoderNet, EncoderSpec, Error};
use rows::Rows;

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
    gathered: Vec<f32>,
    lengths: Vec<usize>,
}

impl Tracker {
    /// `slots` contexts without transitions.
    ///
    /// # Errors
    /// [`Error::Spec`] for impossible sizes.
    pub fn new(spec: &EncoderSpec, slots: usize) -> Result<Self, Error> {
        spec.check()?;
        let slots = (0..slots).map(|_| Rows::of(spec)).collect();
        Ok(Self { spec: spec.clone(), slots, gathered: Vec::new(), lengths: Vec::new() })
    }

    /// Forgets what `slot` has seen: at the start of a trial, and of an episode where the context
    /// does not reach beyond it.
    ///
    /// # Errors
    /// [`Error::Slot`].
    pub fn start(&mut self, slot: usize) -> Result<(), Error> {
        self.slot(slot)?.clear();
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
        Ok(rows.taken().count())
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
        length("descriptions", slots.len() * self.spec.described_by(), described.len())?;
        self.gathered.clear();
        self.lengths.clear();
        for &slot in slots {
            let rows = self.slots.get(slot).ok_or(no_slot(slot, self.slots.len()))?;
            let before = self.gathered.len();
            rows.taken().for_each(|row| self.gathered.extend_from_slice(row));
            self.lengths.push((self.gathered.len() - before) / self.spec.width());
        }
        encoder.encode(&self.gathered, &self.lengths, described)
    }

    /// To be called when the weights of the encoder have changed: what follows is as if the new
    /// ones had always been there, worked out from the rows that are kept. Of a carried state that
    /// is the last 2,048 rows; for everything else, all that matters.
    pub fn rebuild(&mut self) {}

    fn slot(&mut self, slot: usize) -> Result<&mut Rows, Error> {
        let slots = self.slots.len();
        self.slots.get_mut(slot).ok_or(no_slot(slot, slots))
    }
}

fn no_slot(got: usize, slots: usize) -> Error {
    Error::Slot { slots, got }
}
