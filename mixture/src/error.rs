//! What can be wrong with what a caller passes.

/// Each says what was expected, what was got, and where it helps what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The dimension is zero.
    #[error("expected rows of at least 1 number, got dimension 0")]
    NoDimension,
    /// The data are not whole rows.
    #[error("expected whole rows of {dim} numbers, got {len} numbers; pass the data row by row")]
    NotWholeRows {
        /// Numbers in a row.
        dim: usize,
        /// Numbers passed.
        len: usize,
    },
    /// Fewer rows than batches.
    #[error("expected at least {expected} rows, one for each batch, got {got}")]
    TooFewRows {
        /// The number of batches.
        expected: usize,
        /// Rows passed.
        got: usize,
    },
    /// A number of the data is NaN or infinite.
    #[error("expected finite numbers, got {value} in row {row}, column {column}")]
    NotFinite {
        /// Row, counted from zero.
        row: usize,
        /// Column, counted from zero.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A row, an output or a start has another size than the mixture.
    #[error("expected {what} of {expected}, got {got}")]
    Size {
        /// Of what the size is.
        what: &'static str,
        /// The size it should have.
        expected: usize,
        /// The size it has.
        got: usize,
    },
    /// The start has more components than the settings allow.
    #[error(
        "expected a start of at most {expected} components, got {got}; raise `most_components`"
    )]
    StartTooLarge {
        /// `Settings::most_components`.
        expected: usize,
        /// Components of the start.
        got: usize,
    },
    /// A setting is out of its range.
    #[error("expected `{name}` to be {expected}, got {got}")]
    Setting {
        /// The field of [`crate::Settings`].
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        got: String,
    },
    /// Parameters that are not those of a posterior.
    #[error("expected {name} of component {component} to be {expected}, got {got}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// Of which component, counted from zero.
        component: usize,
        /// Its range.
        expected: &'static str,
        /// Its value.
        got: f64,
    },
}
