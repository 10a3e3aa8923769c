//! Running other programs, and telling about it.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The command as a user would type it here, with the variables it sets (but for `PATH`).
pub(crate) fn shown(command: &Command) -> String {
    let variables =
        command.get_envs().filter(|(key, _)| *key != "PATH").filter_map(|(key, value)| {
            let value = value?.to_string_lossy().into_owned();
            Some(format!("{}={}", key.to_string_lossy(), quoted(&value)))
        });
    let words =
        std::iter::once(program(command)).chain(command.get_args().map(|word| quoted(&here(word))));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

/// Cargo is on every user's `PATH`; the toolchain's copy of it is nothing to read.
fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    match path.file_name() {
        Some(name) if name == "cargo" => "cargo".to_owned(),
        _ => quoted(&here(path.as_os_str())),
    }
}

/// A path below the current folder without that folder.
fn here(word: &OsStr) -> String {
    let folder = env::current_dir().unwrap_or_default();
    let path = Path::new(word);
    path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().into_owned()
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Says what is run, runs it with our own output and no input, and fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("xtask: {line}");
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status}); its own message is above");
    }
    Ok(())
}

/// Runs quietly and returns what the command printed; its error output is part of the error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("cargo");
        command.args(["test", "a b", "it's"]).env("KEY", "-D x");
        assert_eq!(shown(&command), r"KEY='-D x' cargo test 'a b' 'it'\''s'");
        let below = env::current_dir().unwrap().join("target/release/actor");
        assert_eq!(shown(Command::new(below).arg("/etc/x")), "target/release/actor /etc/x");
    }

    #[test]
    fn a_failing_command_is_an_error_with_what_it_said() {
        let error = read(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
        assert!(run(&mut Command::new("false")).is_err());
    }
}
