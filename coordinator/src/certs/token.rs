//! Join tokens.

use super::Error;
use super::files::{self, Readers, Written};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Random bytes of a token.
const BYTES: usize = 32;
const WHAT: &str = "join token, for --token-file";

/// Writes a new token (256 random bits) to a file that is not there yet.
///
/// # Errors
/// [`Error`].
pub fn create(path: &Path) -> Result<Written, Error> {
    if path.exists() {
        let advice = "pass --rotate to put a new token before the old one";
        return Err(Error::Exists { path: path.to_owned(), advice });
    }
    files::write(path.to_owned(), WHAT, &format!("{}\n", random()?), Readers::Owner)
}

/// Puts a new token before the one that is sent so far, which stays accepted; tokens before that
/// one are dropped. It stays the same file: containers may have it mounted by itself.
///
/// # Errors
/// [`Error`].
pub fn rotate(path: &Path) -> Result<Written, Error> {
    let text = files::read(path, "a file with a token")?;
    let mut tokens = text.lines().map(str::trim);
    let old = tokens.find(|line| !line.is_empty() && !line.starts_with('#'));
    let old = old.ok_or_else(|| Error::Read {
        path: path.to_owned(),
        expected: "a file with a token",
        got: "none in it".to_owned(),
    })?;
    files::write_over(path.to_owned(), WHAT, &text, &format!("{}\n{old}\n", random()?))
}

fn random() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; BYTES];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Error::Read {
        path: source.to_owned(),
        expected: "random bytes",
        got: error.to_string(),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
