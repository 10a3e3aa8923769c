//! What task am I in: encoders, posteriors, priors and their objectives.

pub mod gaussian_product;
