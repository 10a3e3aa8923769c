//! What tests and measuring programs of several processes share.

pub mod chaos;
pub mod process;
pub mod proxy;
pub mod replay;
pub mod summary;
