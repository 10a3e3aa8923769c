//! The figures as a table or as JSON.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde::Serialize;

use super::collect::{Collection, Line};
use super::machine::Machine;
use super::peers::{Better, Pair};

/// Everything one `bench` found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    repeats: usize,
    figures: Vec<Figure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<Comparison>,
}

/// A median and the range it comes from.
#[derive(Debug, Serialize)]
struct Figure {
    #[serde(flatten)]
    line: Line,
    low: f64,
    high: f64,
}

/// Ours beside theirs.
#[derive(Debug, Serialize)]
struct Comparison {
    #[serde(flatten)]
    pair: Pair,
    unit: String,
    our_value: Option<f64>,
    their_value: Option<f64>,
    /// How many times better ours is, whichever way is better.
    times_better: Option<f64>,
}

impl Report {
    pub(crate) fn new(
        machine: Machine,
        repeats: usize,
        collection: &Collection,
        pairs: &[Pair],
    ) -> Self {
        let figure = |series: &super::collect::Series| {
            let (low, high) = series.range();
            Some(Figure { line: series.median()?, low, high })
        };
        Self {
            machine,
            repeats,
            figures: collection.series().iter().filter_map(figure).collect(),
            comparisons: pairs.iter().map(|pair| Comparison::new(pair, collection)).collect(),
        }
    }

    /// One JSON object on one line.
    pub(crate) fn json(&self) -> Result<String> {
        let text = serde_json::to_string(self).context("the figures cannot be written as JSON")?;
        Ok(text + "\n")
    }

    /// Figures, then comparisons, then the machine.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![row(["bench", "figure", "value", "range", "reference", "", "ratio"])];
        rows.extend(self.figures.iter().map(Figure::row));
        let mut text = aligned(&rows);
        if !self.comparisons.is_empty() {
            let mut rows = vec![row(["ours", "", "theirs", "", "ours is better by"])];
            rows.extend(self.comparisons.iter().map(Comparison::row));
            text = format!("{text}\n{}", aligned(&rows));
        }
        format!("{text}\nmedian of {} on {}\n", self.repeats, self.machine.line())
    }
}

impl Figure {
    fn row(&self) -> Vec<String> {
        let line = &self.line;
        vec![
            line.bench.clone(),
            line.figure.clone(),
            format!("{} {}", number(line.value), line.unit),
            format!("{} – {}", number(self.low), number(self.high)),
            line.reference.clone().unwrap_or_default(),
            line.reference_value.map(number).unwrap_or_default(),
            line.ratio.map(number).unwrap_or_default(),
        ]
    }
}

impl Comparison {
    fn new(pair: &Pair, collection: &Collection) -> Self {
        let median = |bench: &str, figure: &str| collection.find(bench, figure)?.median();
        let ours = median(&pair.bench, &pair.ours);
        let theirs = median(super::peers::BENCH, &pair.theirs);
        let unit = [&ours, &theirs].into_iter().flatten().next().map(|line| line.unit.clone());
        let (our_value, their_value) = (ours.map(|l| l.value), theirs.map(|l| l.value));
        let times_better = our_value.zip(their_value).map(|(ours, theirs)| match pair.better {
            Better::Higher => ours / theirs,
            Better::Lower => theirs / ours,
        });
        Self {
            pair: pair.clone(),
            unit: unit.unwrap_or_default(),
            our_value,
            their_value,
            times_better,
        }
    }

    fn row(&self) -> Vec<String> {
        let shown = |value: Option<f64>| match value {
            Some(value) => format!("{} {}", number(value), self.unit),
            None => "not measured".to_owned(),
        };
        vec![
            format!("{}: {}", self.pair.bench, self.pair.ours),
            shown(self.our_value),
            self.pair.theirs.clone(),
            shown(self.their_value),
            self.times_better.map(|times| format!("{} ×", number(times))).unwrap_or_default(),
        ]
    }
}

/// Four significant digits at most below 10,000; whole and grouped by thousands above.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        0.0 => 0,
        m if m >= 1000.0 => 0,
        m if m >= 100.0 => 1,
        m if m >= 10.0 => 2,
        m if m >= 0.1 => 3,
        _ => 5,
    };
    let plain = format!("{value:.decimals$}");
    let whole = plain.find('.').unwrap_or(plain.len());
    let mut grouped = String::new();
    for (index, digit) in plain.char_indices() {
        let left = whole.saturating_sub(index);
        if index > 0 && left > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// Columns as wide as their widest cell, the first row underlined.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        // Writing to a String cannot fail.
        _ = writeln!(text, "{}", cells.join("  ").trim_end());
        if index == 0 {
            let line = widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  ");
            _ = writeln!(text, "{line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            cpu: "CPU".into(),
            threads: 2,
            memory_mib: 1024,
            kernel: "6".into(),
            gpu: None,
            rustc: "rustc 1".into(),
            revision: "abc".into(),
        }
    }

    fn collection() -> Collection {
        let mut collection = Collection::default();
        let ours = r#"{"bench":"actor","figure":"memory","value":20,"unit":"MiB"}"#;
        let theirs = r#"{"bench":"peers","figure":"ray memory","value":1700,"unit":"MiB"}"#;
        collection.take(ours).unwrap();
        collection.take(theirs).unwrap();
        collection
    }

    fn pair(ours: &str) -> Pair {
        Pair {
            bench: "actor".into(),
            ours: ours.into(),
            theirs: "ray memory".into(),
            better: Better::Lower,
        }
    }

    #[test]
    fn numbers_read_well() {
        let cases =
            [(1234567.0, "1,234,567"), (12.345, "12.35"), (0.6543, "0.654"), (-2000.0, "-2,000")];
        for (value, shown) in cases {
            assert_eq!(number(value), shown);
        }
        assert_eq!(number(123456.0), "123,456");
    }

    #[test]
    fn less_memory_is_better_and_a_missing_figure_is_said_to_be_missing() {
        let pairs = [pair("memory"), pair("other")];
        let report = Report::new(machine(), 3, &collection(), &pairs);
        assert_eq!(report.comparisons[0].times_better, Some(85.0));
        let table = report.table();
        assert!(table.contains("85.00 ×") && table.contains("not measured"), "{table}");
        assert!(table.ends_with("revision abc\n"), "{table}");
    }

    #[test]
    fn the_json_form_holds_figures_machine_and_comparisons() {
        let report = Report::new(machine(), 1, &collection(), &[pair("memory")]);
        let value: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(value["figures"][0]["figure"], "memory");
        assert_eq!(value["machine"]["threads"], 2);
        assert_eq!(value["comparisons"][0]["their_value"], 1700.0);
    }
}
