//! Gaussians and their formulas, one number at a time: what the learner's tensor code must agree
//! with.
