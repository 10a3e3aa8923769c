//! Experience: deduplicated by sender, staged per trial, indexed per task, sampled for updates,
//! metered against them. The numbers themselves lie in the log ([`crate::experience`]).

pub mod contexts;
pub mod labels;
pub mod ledger;
pub mod limiter;
pub mod refusal;
pub mod ring;
pub mod row;
pub mod sampler;
pub mod staging;
pub mod store;
pub mod window;

pub use contexts::{ContextDraw, HostContexts, Part};
pub use limiter::Limiter;
pub use refusal::{InsertError, Refusal};
pub use row::RowLayout;
pub use sampler::{HostBatch, SampleSizes};
pub use store::{Insertion, NothingToDraw, Snapshot, Store, StoreSettings, Stored};
pub use window::{HostWindows, WindowShape};
