//! What a run leaves behind: its directory, and the files in it.

pub mod directory;
mod latents;
pub mod record;
pub mod summary;
pub mod tensorboard;

pub use directory::{Place, RunDir};
pub use record::Recorder;
pub use summary::{Subject, Summary};
