//! Reading the lines that measuring programs print, and taking medians.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One figure of one run of one measuring program.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    /// The program, such as `actor`.
    pub(crate) bench: String,
    /// What was measured, such as `rollouts, 8 environments`.
    pub(crate) figure: String,
    pub(crate) value: f64,
    /// Such as `steps/s`.
    pub(crate) unit: String,
    /// What the value stands beside, measured in the same run.
    pub(crate) reference: Option<String>,
    pub(crate) reference_value: Option<f64>,
    /// Value over reference.
    pub(crate) ratio: Option<f64>,
    /// Whatever helps to read it: sizes, threads, counts.
    #[serde(default)]
    pub(crate) detail: Value,
}

/// All repeats of one figure.
#[derive(Debug)]
pub(crate) struct Series {
    lines: Vec<Line>,
}

/// All figures, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    series: Vec<Series>,
}

impl Collection {
    /// Takes the figures out of what a program printed and returns its other lines.
    pub(crate) fn take<'a>(&mut self, printed: &'a str) -> Result<Vec<&'a str>> {
        let mut remarks = Vec::new();
        let mut figures = 0;
        for text in printed.lines().map(str::trim).filter(|text| !text.is_empty()) {
            if !text.starts_with('{') {
                remarks.push(text);
                continue;
            }
            self.add(parse(text)?);
            figures += 1;
        }
        if figures == 0 {
            bail!("expected at least one line of JSON with a figure, got none in {printed:?}");
        }
        Ok(remarks)
    }

    fn add(&mut self, line: Line) {
        let same = |series: &&mut Series| series.is(&line.bench, &line.figure);
        match self.series.iter_mut().find(same) {
            Some(series) => series.lines.push(line),
            None => self.series.push(Series { lines: vec![line] }),
        }
    }

    pub(crate) fn series(&self) -> &[Series] {
        &self.series
    }

    /// The series of that figure.
    pub(crate) fn find(&self, bench: &str, figure: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.is(bench, figure))
    }
}

impl Series {
    fn is(&self, bench: &str, figure: &str) -> bool {
        self.lines.iter().all(|line| line.bench == bench && line.figure == figure)
    }

    /// The last line, with medians in the place of its numbers.
    pub(crate) fn median(&self) -> Option<Line> {
        let line = self.lines.last()?.clone();
        Some(Line {
            value: median(self.values())?,
            reference_value: median(self.lines.iter().filter_map(|line| line.reference_value)),
            ratio: median(self.lines.iter().filter_map(|line| line.ratio)),
            ..line
        })
    }

    /// The smallest and the largest value seen.
    pub(crate) fn range(&self) -> (f64, f64) {
        let wider = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        self.values().fold((f64::INFINITY, f64::NEG_INFINITY), wider)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().map(|line| line.value)
    }
}

fn parse(text: &str) -> Result<Line> {
    let line: Line = serde_json::from_str(text)
        .with_context(|| format!("expected a figure as JSON, got {text}"))?;
    if !line.value.is_finite() {
        bail!("expected a finite value, got {text}");
    }
    Ok(line)
}

/// The middle value, or the mean of the two middle ones.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().checked_sub(1)? / 2)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64, ratio: f64) -> String {
        format!(
            r#"{{"bench":"actor","figure":"rollouts","value":{value},"unit":"steps/s",
                "reference":"raw","reference_value":10,"ratio":{ratio},"detail":{{"envs":8}}}}"#
        )
        .replace('\n', " ")
    }

    #[test]
    fn repeats_of_a_figure_become_one_median() {
        let mut collection = Collection::default();
        for value in [3.0, 1.0, 8.0, 2.0] {
            let printed = line(value, value / 10.0);
            assert!(collection.take(&printed).unwrap().is_empty());
        }
        let series = collection.find("actor", "rollouts").unwrap();
        let middle = series.median().unwrap();
        assert_eq!((middle.value, middle.ratio, series.range()), (2.5, Some(0.25), (1.0, 8.0)));
        assert_eq!(collection.series().len(), 1);
    }

    #[test]
    fn other_lines_are_passed_on() {
        let mut collection = Collection::default();
        let printed = format!("warming up\n\n{}\n", line(1.0, 1.0));
        assert_eq!(collection.take(&printed).unwrap(), ["warming up"]);
    }

    #[test]
    fn a_broken_line_or_no_line_is_an_error_that_shows_it() {
        let mut collection = Collection::default();
        let error = collection.take(r#"{"bench":"actor"}"#).unwrap_err();
        assert!(format!("{error:#}").contains("figure"), "{error:#}");
        assert!(collection.take("nothing here").is_err());
        assert!(
            collection.take(&line(1.0, 1.0).replace("\"value\":1", "\"value\":1e999")).is_err()
        );
    }
}
