//! `bench`: the measuring program behind `cargo xtask bench`.
//!
//! `bench --list` names what can be measured; `bench NAME…` measures it and prints one figure per
//! line, as JSON ([`measure::figure::Figure`]), each beside a reference that was measured in the same
//! run, in turns with it. It only reports: no figure makes it fail.

mod measure;

use clap::{Parser, ValueEnum as _};
use measure::{Name, Settings};
use std::io::Write as _;

/// Measures, and prints one figure per line, as JSON.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// What to measure; everything if none is named
    #[arg(value_enum)]
    names: Vec<Name>,
    /// Print the names, one per line, and measure nothing
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    settings: Settings,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        return list();
    }
    let all = Name::value_variants();
    let names = if arguments.names.is_empty() { all } else { &arguments.names[..] };
    names.iter().try_for_each(|name| name.measure(&arguments.settings))
}

fn list() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for name in Name::value_variants().iter().filter_map(Name::to_possible_value) {
        writeln!(out, "{}", name.get_name())?;
    }
    Ok(())
}
