//! Experience: deduplicated by sender, staged per trial, indexed per task, sampled for updates,
//! metered against them. The numbers themselves lie in the log ([`crate::experience`]).

pub mod ledger;
pub mod limiter;
pub mod refusal;
pub mod ring;
pub mod row;
pub mod sampler;
pub mod staging;
pub mod store;

pub use limiter::Limiter;
pub use refusal::{InsertError, Refusal};
pub use row::RowLayout;
pub use sampler::{HostBatch, SampleSizes};
pub use store::{Insertion, Snapshot, Store, StoreSettings, Stored};
