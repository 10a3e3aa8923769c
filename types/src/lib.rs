//! Plain data that every process shares: ids, environment and task descriptions, trials,
//! transitions, seeds and the schema of an experiment file.
//!
//! No I/O, no tensors, no physics. Constructors refuse wrong lengths and non-finite numbers, so
//! that a value of one of these types is a checked value wherever it turns up.

pub mod environment;
pub mod experiment;
pub mod id;
pub mod seed;
pub mod segment;
pub mod spec;
pub mod task;
pub mod trial;

pub use environment::{
    Change, ContextSet, Contexts, Environment, Gymnasium, Next, Scale, Values, When,
};
pub use experiment::Experiment;
pub use id::{ActorId, Incarnation, Sequence, TrialId, Version};
pub use seed::{Role, stream};
pub use segment::{Chunk, End, Origin, Segment, SegmentError};
pub use spec::{EnvSpec, FamilySpec, ReferenceReturns};
pub use task::{InvalidTaskRef, Parameter, Split, Task, TaskRef};
pub use trial::{
    Behaviour, Belief, EpisodeOutcome, LatentSource, Phase, Purpose, Trial, TrialOutcome,
};
