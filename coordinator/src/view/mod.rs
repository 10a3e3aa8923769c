//! What a user sees of a run.

mod live;
pub mod text;

pub use live::View;
pub mod troubles;
