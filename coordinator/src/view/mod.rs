//! What a user sees of a run.

pub mod json;
mod live;
pub mod text;

pub use live::View;
pub mod troubles;
