//! Rewards and ends of the meta-task families, computed once more by the published formulas.

mod follow;
mod pearl;
mod points;
mod rand_params;
mod smrl;
mod tigr;
