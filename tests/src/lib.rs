//! What tests of several processes share.

pub mod proxy;
pub mod replay;
