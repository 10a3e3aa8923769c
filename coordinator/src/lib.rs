//! The control plane and the user's command line.
//!
//! Who is alive, who works on what, what comes of it: decided by pure functions of (state, event,
//! now), served over gRPC. Around it: local processes, the run directory, what a user sees. Knows
//! neither tensors nor physics; what needs them is asked of the `actor` program beside it.

mod append;
pub mod bottleneck;
pub mod certs;
pub mod cli;
pub mod idle;
pub mod ids;
pub mod journal;
pub mod latents;
pub mod launch;
pub mod learner;
pub mod logs;
pub mod looks;
pub mod metrics;
pub mod outcomes;
pub mod output;
pub mod plot;
pub mod programs;
pub mod quarantine;
pub mod rates;
pub mod refusal;
pub mod registry;
pub mod render;
mod replace;
pub mod restore;
pub mod run;
pub mod scores;
pub mod server;
#[cfg(test)]
mod schedules;
mod service;
mod shared;
pub mod state;
pub mod status;
pub mod tasks;
pub mod trials;
pub mod view;
pub mod watch;

pub use server::{Handle, Server};
pub use shared::{Beginning, Setup};
