//! Experience: stored per task, deduplicated by sender, sampled for updates, metered against them.

pub mod ledger;
pub mod limiter;
pub mod row;
pub mod sampler;
pub mod store;
pub mod task;

pub use limiter::Limiter;
pub use row::RowLayout;
pub use sampler::{HostBatch, SampleSizes};
pub use store::{Refusal, Store, Stored};
