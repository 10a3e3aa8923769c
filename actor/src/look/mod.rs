//! Looking at tasks: what a family is, how its episodes go, and what they look like.
//!
//! Nothing here is used in a run. [`show`] tells all there is to know about a family; [`Stage`]
//! plays episodes of one task by some [`Policy`] and shows every moment to an [`Audience`]: a
//! [`Reporter`], which writes lines of JSON, or a [`Film`], which makes a GIF or PNG pictures.

mod caption;
mod error;
mod film;
mod policy;
mod report;
mod show;
mod stage;

pub use error::Error;
pub use film::{Film, Output, Pictures, Unfinished};
pub use policy::{Policy, Trained};
pub use report::{Detail, Event, Reporter};
pub use show::{Feature, Picture, Portrait, Traits, show};
pub use stage::{Audience, Moment, Stage};
