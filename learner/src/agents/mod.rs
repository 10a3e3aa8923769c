//! How do I act: agents and their losses.

pub mod soft_actor_critic;
pub mod squashed_gaussian;
