//! Features of a context: the numbers of an environment that CARL lets vary.

/// One number of a context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feature {
    /// As CARL calls it; the name of a task's parameter.
    pub name: &'static str,
    /// The value in the environment as it is published.
    pub default: f64,
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
}
