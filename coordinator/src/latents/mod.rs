//! Seeing the latent space: what the agent believed about its tasks during an evaluation, as a file,
//! as pictures, as scores, and for TensorBoard's projector.
//!
//! A **moment** is one belief q(z|context) = N(mean, diag(variance)) at one step of one episode. Scores
//! and pictures look at the moments after the first quarter of the last adaptation episode: by then
//! there has been something to infer the task from. Where a task changes within an episode, a moment
//! belongs to the task in force.

mod moments;
mod check;
mod build;
mod clusters;
mod classes;
mod scores;
mod file;
mod eigen;
mod pca;
mod colours;
mod picture;
mod over_time;
mod projector;
mod folder;

pub use clusters::{Clusters, Gaussian, Origin};
pub use file::{read, to_bytes};
pub use folder::{FOLDER, numbers, path, write};
pub use moments::{About, Latents, Moment};
pub use over_time::over_time;
pub use pca::Pca;
pub use picture::picture;
pub use scores::ClusterScores;

pub(crate) use check::check;

use std::path::PathBuf;

/// Beliefs that cannot be read, told apart or drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An evaluation names a task that its family does not have.
    #[error("evaluation {number}: expected tasks of the family {family}, got {task}")]
    UnknownTask {
        /// The evaluation.
        number: u64,
        /// The family.
        family: String,
        /// The task.
        task: types::TaskRef,
    },
    /// No clusters can be found.
    #[error("find clusters among the beliefs: {0}")]
    Clusters(#[from] mixture::Error),
    /// The scores cannot be had.
    #[error("compare clusters with classes: {0}")]
    Scores(#[from] mixture::scores::ScoreError),
    /// The tensors cannot be put together.
    #[error("write beliefs down: {0}")]
    Tensors(#[from] safetensors::SafeTensorError),
    /// The metadata cannot be put together.
    #[error("write beliefs down: {0}")]
    Json(#[from] serde_json::Error),
    /// A file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{}: expected {expected}, got {got}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The task was not part of the evaluation.
    #[error("evaluation {number}: expected one of its tasks ({}), got {task}", tasks.join(", "))]
    NoSuchTask {
        /// The evaluation.
        number: u64,
        /// What was asked for.
        task: types::TaskRef,
        /// What there is.
        tasks: Vec<String>,
    },
    /// The picture cannot be drawn.
    #[error("draw beliefs: {0}")]
    Draw(String),
}

#[cfg(test)]
mod tests;
