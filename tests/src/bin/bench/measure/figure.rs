//! One figure, as `cargo xtask bench` reads it.

use crate::measure::statistics::median;
use serde::Serialize;
use serde_json::Value;
use std::io::Write as _;

/// A measured value beside its reference.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    bench: &'static str,
    figure: String,
    value: f64,
    unit: &'static str,
    reference: Option<String>,
    reference_value: Option<f64>,
    ratio: Option<f64>,
    detail: Value,
}

impl Figure {
    /// The median of `values`.
    pub(crate) fn new(
        bench: &'static str,
        figure: impl Into<String>,
        unit: &'static str,
        values: &[f64],
    ) -> Self {
        Self {
            bench,
            figure: figure.into(),
            value: median(values),
            unit,
            reference: None,
            reference_value: None,
            ratio: None,
            detail: Value::Null,
        }
    }

    /// Beside `reference`, whose `others` were measured in turns with `values`: the ratio is the
    /// median of the ratios of neighbours.
    pub(crate) fn beside(
        mut self,
        reference: impl Into<String>,
        values: &[f64],
        others: &[f64],
    ) -> Self {
        let ratios: Vec<f64> =
            values.iter().zip(others).map(|(value, other)| value / other).collect();
        self.reference = Some(reference.into());
        self.reference_value = Some(median(others));
        self.ratio = Some(median(&ratios));
        self
    }

    /// Beside a single number.
    pub(crate) fn beside_one(mut self, reference: impl Into<String>, other: f64) -> Self {
        self.reference = Some(reference.into());
        self.reference_value = Some(other);
        self.ratio = Some(self.value / other);
        self
    }

    /// With whatever helps to read it.
    pub(crate) fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Prints it as one line.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let line = serde_json::to_string(self)?;
        Ok(writeln!(std::io::stdout().lock(), "{line}")?)
    }
}
