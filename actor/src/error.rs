//! What ends an actor.

use std::path::PathBuf;
use std::time::Duration;
use types::Sequence;

/// Why an actor, or one of its commands, cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answered for too long.
    #[error(
        "expected a coordinator at {address} within {waited:?}, got: {last}; check --coordinator \
         and that it runs, or wait longer with --connect-timeout"
    )]
    Unreachable {
        /// `host:port`.
        address: String,
        /// How long it was tried.
        waited: Duration,
        /// The last attempt's failure.
        last: String,
    },
    /// The coordinator answers, but the run has no learner.
    #[error(
        "expected a learner to join the run at coordinator {coordinator} within {waited:?}, got \
         none; start one with `learner run --coordinator {coordinator}`, or wait longer with \
         --learner-timeout"
    )]
    NoLearner {
        /// `host:port` of the coordinator.
        coordinator: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The learner is not there, or is gone for good.
    #[error(
        "expected the learner at {address}, got no answer for {waited:?}: {last}; check that it \
         runs and can be reached from here, or wait longer with --learner-timeout"
    )]
    LearnerUnreachable {
        /// `host:port`.
        address: String,
        /// How long it was tried.
        waited: Duration,
        /// The last attempt's failure.
        last: String,
    },
    /// The coordinator was there and is gone for good.
    #[error(
        "expected the coordinator at {address} to answer again, got nothing for {waited:?}: {last}"
    )]
    CoordinatorLost {
        /// `host:port`.
        address: String,
        /// How long it was tried.
        waited: Duration,
        /// The last attempt's failure.
        last: String,
    },
    /// A call was refused, and would be refused again.
    #[error("{call}: expected to be accepted, got {code:?}: {message}")]
    Refused {
        /// Which call, and to whom.
        call: &'static str,
        /// The gRPC code.
        code: proto::tonic::Code,
        /// What the other side says.
        message: String,
    },
    /// A reply that this release does not understand.
    #[error("{call}: expected {expected}, got {got}; use the same release on both sides")]
    Reply {
        /// Which call.
        call: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// Both sides count acknowledged transitions, and their counts differ.
    #[error(
        "acknowledgement up to chunk {sequence}: expected {expected} transitions stored of this \
         actor, got {got}; experience was lost or stored twice"
    )]
    Miscounted {
        /// First chunk that is not acknowledged.
        sequence: Sequence,
        /// This side's count.
        expected: u64,
        /// The learner's count.
        got: u64,
    },
    /// An acknowledgement of something that was never sent.
    #[error("acknowledgement: expected at most chunk {expected}, got {got}")]
    Unsent {
        /// Number after the last chunk made.
        expected: Sequence,
        /// Number in the acknowledgement.
        got: u64,
    },
    /// What is in hand could not be handed over in time.
    #[error(
        "expected to hand over everything within {grace:?} of being told to leave, got {left} \
         transitions without acknowledgement and {reports} outcomes not reported; they are lost"
    )]
    NotFlushed {
        /// The time there was.
        grace: Duration,
        /// Transitions given up.
        left: u64,
        /// Outcomes given up.
        reports: usize,
    },
    /// Certificates or a token that are of no use.
    #[error(transparent)]
    Credentials(#[from] proto::credentials::Error),
    /// An environment does not return: the thread that waits for it can only end with the process.
    #[error("{why}; the trial is reported as failed, and this process ends")]
    StepTimeout {
        /// What was expected and what was got.
        why: String,
    },
    /// An environment cannot be had.
    #[error(transparent)]
    Environment(#[from] envs::Error),
    /// Weights or networks that cannot be.
    #[error(transparent)]
    Networks(#[from] nets::Error),
    /// Weights for another agent than the one of the experiment.
    #[error(
        "weights: expected those of the experiment ({expected}), got those of another agent \
         ({got}); use the experiment file of the run that they come from"
    )]
    OtherAgent {
        /// The experiment's spec, as JSON.
        expected: String,
        /// The weights' spec, as JSON.
        got: String,
    },
    /// A file that is not there or cannot be read.
    #[error("{what} {}: expected a file that can be read, got: {source}", path.display())]
    File {
        /// What it is.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is something else.
    #[error("{what} {}: expected {expected}, got: {got}", path.display())]
    Content {
        /// What it should be.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What would be right.
        expected: &'static str,
        /// What is wrong.
        got: String,
    },
    /// A trial of an evaluation failed.
    #[error("evaluation of task {task}: expected a finished trial, got: {failure}")]
    Evaluation {
        /// Which task.
        task: types::TaskRef,
        /// Why it failed.
        failure: String,
    },
    /// Nobody could ask for metrics.
    #[error("{0}")]
    Metrics(std::io::Error),
    /// Delays between attempts that cannot be.
    #[error(transparent)]
    Backoff(#[from] runtime::retry::InvalidBackoff),
    /// A thread cannot be started, or ended without saying why.
    #[error("{thread} thread: expected it to run, got: {got}")]
    Thread {
        /// Which one.
        thread: &'static str,
        /// What happened.
        got: String,
    },
}

/// Exit code of a process that ends because an environment hangs.
pub const STEP_TIMEOUT: u8 = 3;

impl Error {
    /// The exit code of a process that ends with this.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::StepTimeout { .. } => STEP_TIMEOUT,
            _ => 1,
        }
    }

    /// A call refused with `status`.
    pub(crate) fn refused(call: &'static str, status: &proto::tonic::Status) -> Self {
        Self::Refused { call, code: status.code(), message: status.message().to_owned() }
    }
}

/// An error with its causes in one line, without those that it has told already.
///
/// Some errors say nothing of their cause (those of the transport), some say all of it.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] std::io::Error);

    #[test]
    fn a_chain_tells_each_cause_once() {
        let layer = |text| Layer(text, std::io::Error::other("no route"));
        assert_eq!(chain(&layer("connecting")), "connecting: no route");
        assert_eq!(chain(&layer("connecting: no route; check")), "connecting: no route; check");
    }
}
