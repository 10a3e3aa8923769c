//! Who is not who they should be, or does what they should not, over real sockets: refused, told once
//! in the log, and a well-behaved actor beside it does not notice.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod abuse;
mod identity;
mod programs;
mod rotation;
mod support;
