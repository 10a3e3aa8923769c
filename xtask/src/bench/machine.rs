//! On what the figures were measured.

use std::fs;
use std::process::Command;
use std::thread;

use serde::Serialize;

use crate::{shell, workspace};

/// Enough to judge a figure by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) threads: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) gpu: Option<String>,
    pub(crate) rustc: String,
    pub(crate) revision: String,
}

/// Looks at this machine. What cannot be found out is said to be unknown.
pub(crate) fn describe() -> Machine {
    let file = |path| fs::read_to_string(path).unwrap_or_default();
    Machine {
        cpu: field(&file("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
        threads: thread::available_parallelism().map_or(0, usize::from),
        memory_mib: memory_mib(&file("/proc/meminfo")).unwrap_or_default(),
        kernel: first_line(&file("/proc/sys/kernel/osrelease")).unwrap_or_else(unknown),
        gpu: asked(Command::new("nvidia-smi").args(["--query-gpu=name", "--format=csv,noheader"])),
        rustc: asked(Command::new("rustc").arg("--version")).unwrap_or_else(unknown),
        revision: revision().unwrap_or_else(unknown),
    }
}

impl Machine {
    /// The machine in one line.
    pub(crate) fn line(&self) -> String {
        let gpu = self.gpu.as_deref().unwrap_or("no GPU");
        format!(
            "{}, {} threads, {:.1} GiB, {gpu}, Linux {}, {}, revision {}",
            self.cpu,
            self.threads,
            self.memory_mib as f64 / 1024.0,
            self.kernel,
            self.rustc,
            self.revision
        )
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn revision() -> Option<String> {
    let root = workspace::root().ok()?;
    let git = ["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"];
    asked(Command::new("git").args(git).current_dir(root))
}

fn asked(command: &mut Command) -> Option<String> {
    shell::read(command).ok().and_then(|said| first_line(&said))
}

fn first_line(text: &str) -> Option<String> {
    text.lines().next().map(|line| line.trim().to_owned())
}

/// The value of a `key : value` line.
fn field(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
}

fn memory_mib(text: &str) -> Option<u64> {
    let total = field(text, "MemTotal")?;
    let kib: u64 = total.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2:1\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 2:1"));
        assert_eq!(memory_mib("MemTotal:       2048 kB\n"), Some(2));
    }
}
