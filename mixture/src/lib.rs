//! Dirichlet-process mixture of diagonal Gaussians, fitted with memoised variational Bayes.
//!
//! The model, for rows x of `dim` numbers:
//!
//! ```text
//! u_k ~ Beta(1, γ0)                    w_k = u_k Π_{l<k} (1 − u_l)      sticks
//! λ_kd ~ Gamma(ν/2, β/2)               μ_kd ~ N(0, 1 / (κ λ_kd))        components
//! z ~ Categorical(w)                   x_d ~ N(μ_zd, 1 / λ_zd)          rows
//! ```
//!
//! [`fit`] finds how many components the data ask for, by moves (births, merges, deletes, reordering)
//! that are kept only when the evidence lower bound of all data rises. What it returns, a
//! [`Mixture`], is the posterior: it labels rows, gives the Gaussians that a latent space is drawn
//! towards, and is the start of the next fit. [`Schedule`] says when that is due. [`scores`] compares
//! labels with classes and knows nothing of mixtures.
//!
//! Sources: Blei and Jordan, "Variational inference for Dirichlet process mixtures" (2006), for the
//! model and its bound; Hughes and Sudderth, "Memoized online variational inference for Dirichlet
//! process mixture models" (2013), for statistics kept per batch, births and merges; Hughes, Kim and
//! Sudderth, "Reliable and scalable variational inference for the hierarchical Dirichlet process"
//! (2015), for deletes and the order of sticks.
//!
//! ```
//! use rand::SeedableRng as _;
//!
//! let data: Vec<f32> = (0..200).map(|i| if i % 2 == 0 { -3.0 } else { 3.0 } + (i % 7) as f32 * 0.1).collect();
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
//! let settings = mixture::Settings { laps: 20, ..mixture::Settings::melts() };
//! let (mixture, report) = mixture::fit(&data, 1, &settings, None, &mut rng)?;
//! assert_eq!(mixture.components(), 2);
//! assert_ne!(mixture.assign(&[-3.0])?, mixture.assign(&[3.0])?);
//! assert!(report.births.accepted >= 1);
//! # Ok::<(), mixture::Error>(())
//! ```

mod settings;
mod schedule;
mod error;
mod mixture;
mod expectations;
mod statistics;
mod prior;
mod fit;
pub mod scores;

pub use error::Error;
pub use fit::{Entry, Report, Step, Tally, fit};
pub use mixture::{Component, Mixture, Stick};
pub use schedule::Schedule;
pub use settings::{Moves, Settings};
