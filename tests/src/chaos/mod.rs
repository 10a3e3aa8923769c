//! A real run under a seeded schedule of faults, and what must hold all the same.
//!
//! [`plan`] says which fault comes when: a function of the seed alone. [`world`] is the run: a
//! coordinator, a learner and some actors, real programs as processes of this one, which starts
//! again whatever it has killed, as a scheduler would. Between them lie the links of [`network`],
//! which can fall silent, break, lag, and damage what they carry. [`faults`] makes each fault happen
//! and waits until the run goes on. [`watch`] looks at the run four times a second from beside and
//! notes which of the [`invariants`] break; [`recount`] reads the learner's log afterwards, when
//! everybody has left, and counts again from nothing. [`verdict`] is what comes of it.

pub mod plan;
pub mod network;
pub mod disk;
pub mod clock;
pub mod world;
pub mod invariants;
pub mod watch;
pub mod garbage;
pub mod faults;
pub mod recount;
pub mod verdict;
mod run;

pub use plan::{Kind, Plan};
pub use run::{Length, Options, run};
pub use verdict::Verdict;
