//! The experience log: what came in, in the order it came, in files that outlive the process.
//!
//! A chunk is acknowledged once it is here. The replay holds no transitions, only where they lie
//! in the log; a checkpoint of it is a list of places.

pub mod event;
pub mod log;
pub mod record;
pub mod segment;

pub use event::Event;
pub use log::{Error, Kind, Log, Position, Record};
pub use record::{ChunkLayout, ChunkMeta, Transitions};
