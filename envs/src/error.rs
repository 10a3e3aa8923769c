//! What can go wrong in an environment.

use std::path::PathBuf;
use types::TaskRef;

/// Why a family, an environment or a step could not be had.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// No family is registered under this name.
    #[error("expected one of the task families {known}; got \"{name}\"{hint}")]
    UnknownFamily {
        /// What was asked for.
        name: String,
        /// All registered names, separated by commas.
        known: String,
        /// `; did you mean "…"?`, or nothing when no name is near.
        hint: String,
    },
    /// A task does not say what its family needs to know.
    #[error(
        "task {task}: expected a finite parameter \"{name}\", got {got}; \
         use a task of the family that made the environment"
    )]
    Parameter {
        /// Which task.
        task: TaskRef,
        /// The parameter.
        name: &'static str,
        /// What the task has under that name.
        got: String,
    },
    /// A task has other parameters than those of its family.
    #[error(
        "task {task}: expected the finite parameters {expected}; got {got}; use tasks of one family"
    )]
    Parameters {
        /// Which task.
        task: TaskRef,
        /// Names of the parameters of the family, separated by commas.
        expected: String,
        /// Those of the task.
        got: String,
    },
    /// Something refers to a parameter that the tasks of a family do not have.
    #[error("{family}: expected one of the parameters {known}, got \"{name}\"")]
    NoSuchParameter {
        /// The family.
        family: &'static str,
        /// What was asked for.
        name: String,
        /// Those there are, separated by commas.
        known: String,
    },
    /// Contexts are asked for where the physics have no features.
    #[error(
        "{family}: expected a family whose physics have features, for [environment.contexts]; \
         leave that table out, or take one of the suites carl-*"
    )]
    NoFeatures {
        /// The family.
        family: &'static str,
    },
    /// A context has a value that its feature cannot have.
    #[error("{family}: expected {feature} within [{low}, {high}], got {got}")]
    OutOfBounds {
        /// The family.
        family: &'static str,
        /// The feature.
        feature: &'static str,
        /// Its least value.
        low: f64,
        /// Its greatest value.
        high: f64,
        /// What the context has.
        got: f64,
    },
    /// A list of values does not fit the contexts it is for.
    #[error("{family}: expected a value of {feature} for each of {expected} contexts, got {got}")]
    Values {
        /// The family.
        family: &'static str,
        /// The feature.
        feature: &'static str,
        /// How many contexts there are.
        expected: u32,
        /// How many values.
        got: usize,
    },
    /// Tasks are to change with the place of something that does not move along an axis.
    #[error(
        "{family}: expected a family whose agent moves along an axis, for tasks that change by \
         place; let them change by time or by chance"
    )]
    NoPlace {
        /// The family.
        family: &'static str,
    },
    /// Tasks are to change within an episode of something that takes them with a reset only.
    #[error(
        "{family}: expected an environment whose task can change within an episode, got one that \
         takes it with a reset; give the Python module a function `set_task`, or leave \
         environment.change out"
    )]
    NoSwitch {
        /// The family.
        family: &'static str,
    },
    /// A parameter that the agent is to see is no number that an observation can hold.
    #[error(
        "task {task}: expected a \"{name}\" that is finite in 32 bits, to show it to the agent, got \
         {got}; leave it out of environment.visible, or give the task another value"
    )]
    Visible {
        /// Which task.
        task: TaskRef,
        /// The parameter.
        name: String,
        /// What the task has under that name.
        got: String,
    },
    /// A slice does not fit the environment.
    #[error("{what}: expected {expected} numbers, got {got}; see the family's EnvSpec")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Numbers it should hold.
        expected: usize,
        /// Numbers it holds.
        got: usize,
    },
    /// An action holds NaN or an infinity. The environment is as it was before the call.
    #[error(
        "action[{index}]: expected a finite number, got {value}; check what the policy put out"
    )]
    Action {
        /// Position in the action.
        index: usize,
        /// The offending value.
        value: f32,
    },
    /// A step before the first reset.
    #[error("expected a reset to a task before the first step, got a step")]
    NotReset,
    /// The simulation left the numbers it can handle. What the environment holds is worthless.
    #[error(
        "expected a stable simulation, got {what}; \
         give the episode up and build a new environment"
    )]
    Diverged {
        /// What was noticed.
        what: String,
    },
    /// A Python environment has failed. It is worthless from then on.
    #[error("{what} of a Python environment: expected no exception, got {exception}\n{traceback}")]
    Python {
        /// What was called.
        what: &'static str,
        /// What was raised, in a line.
        exception: String,
        /// As Python prints it.
        traceback: String,
    },
    /// Nobody said how long an episode of a Python environment may last.
    #[error(
        "expected a Python environment with a time limit, got one without; set \
         environment.gymnasium.horizon, or wrap it into gymnasium.wrappers.TimeLimit"
    )]
    NoHorizon,
    /// Python environments are for programs that are built for them.
    #[error(
        "environment.gymnasium: expected a program built with the feature `gymnasium`, got one \
         without; build with `cargo build --release --features actor/gymnasium`"
    )]
    NoGymnasium,
    /// Nobody said where the MuJoCo models are.
    #[error(
        "expected the folder of MuJoCo models, got neither PROTEUS_MODELS now nor \
         PROTEUS_MODELS_BUILD_DIR at build time; run `cargo xtask setup` and build again, \
         or set PROTEUS_MODELS"
    )]
    NoModels,
    /// A model cannot be had from where it should be.
    #[error(
        "expected {expected} at {path}, got {got}; run `cargo xtask setup`, \
         or set PROTEUS_MODELS to the folder that holds the models"
    )]
    Model {
        /// The model file.
        path: PathBuf,
        /// What would be right.
        expected: &'static str,
        /// What was there.
        got: String,
    },
    /// Nobody has said what the environment looks like.
    #[error(
        "expected an environment that says what it looks like, got one without; give its Env a \
         `scene`"
    )]
    NoPicture,
    /// Nothing on this machine can draw physics off screen.
    #[error(
        "expected EGL or OSMesa to draw the physics with, got neither ({tried}); on Debian and \
         Ubuntu: `apt-get install libegl1 libgl1-mesa-dri` (also for NVIDIA's driver: libegl1), \
         or else `apt-get install libosmesa6`"
    )]
    NoRenderer {
        /// What is wrong with each.
        tried: String,
    },
    /// The renderer failed.
    #[error("drawing: {what}; MUJOCO_GL=osmesa or MUJOCO_GL=egl chooses another renderer")]
    Renderer {
        /// What was noticed.
        what: String,
    },
}
