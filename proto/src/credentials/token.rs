//! Join tokens: one that is sent, several that are accepted.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::{Duration, Instant};
use subtle::{Choice, ConstantTimeEq as _};
use tonic::metadata::{Ascii, MetadataValue};

/// How long a token that is no longer in the file is still accepted: until every process has read
/// its own copy of the file again.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// Fewer characters than this can be guessed.
const SHORTEST: usize = 16;
const LONGEST: usize = 512;

/// The tokens of a file, one a line. Blank lines, and lines that start with `#`, say nothing.
#[derive(Clone)]
pub(super) struct Tokens {
    /// `Bearer <token>`, kept out of every log.
    sent: MetadataValue<Ascii>,
    accepted: Vec<Accepted>,
}

#[derive(Clone)]
struct Accepted {
    /// Of equal length for every token, so that comparing tells nothing of it.
    digest: [u8; 32],
    /// `None` while it is in the file.
    until: Option<Instant>,
}

/// Never says what the tokens are.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("accepted", &self.accepted.len()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, without saying what stands there.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let tokens = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut sent = None;
        let mut accepted = Vec::new();
        for (number, token) in tokens {
            let fits = (SHORTEST..=LONGEST).contains(&token.len());
            if !fits || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!(
                    "expected {SHORTEST} to {LONGEST} visible ASCII characters without spaces in \
                     line {number}, got {} bytes",
                    token.len()
                ));
            }
            if sent.is_none() {
                sent = Some(bearer(token)?);
            }
            accepted.push(Accepted { digest: Sha256::digest(token).into(), until: None });
        }
        let sent = sent.ok_or("expected a token on a line of its own, got none")?;
        Ok(Self { sent, accepted })
    }

    /// Goes on accepting the tokens of `before` for [`GRACE`].
    pub(super) fn after(mut self, before: &Self, now: Instant) -> Self {
        for old in &before.accepted {
            let known = self.accepted.iter().any(|token| token.digest == old.digest);
            let until = old.until.unwrap_or(now + GRACE);
            if !known && until > now {
                self.accepted.push(Accepted { digest: old.digest, until: Some(until) });
            }
        }
        self
    }

    /// Value of the `authorization` entry.
    pub(super) fn sent(&self) -> MetadataValue<Ascii> {
        self.sent.clone()
    }

    /// Whether `presented` is one of them. Takes as long whichever it is, and if it is none.
    pub(super) fn accept(&self, presented: &[u8], now: Instant) -> bool {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let valid = self.accepted.iter().filter(|token| token.until.is_none_or(|end| now < end));
        let found = valid.fold(Choice::from(0), |found, token| found | token.digest.ct_eq(&digest));
        found.into()
    }
}

fn bearer(token: &str) -> Result<MetadataValue<Ascii>, String> {
    let mut value = MetadataValue::try_from(format!("Bearer {token}"))
        .map_err(|error| format!("expected a token that fits a header: {error}"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an-old-token-of-32-characters---";
    const NEW: &str = "a-new-token-of-32-characters----";

    #[test]
    fn the_first_line_is_sent_and_all_lines_are_accepted() {
        let now = Instant::now();
        let tokens = Tokens::read(&format!("# for the new cluster\n\n{NEW}\n {OLD} \n")).unwrap();
        assert_eq!(tokens.sent().to_str().unwrap(), format!("Bearer {NEW}"));
        assert!(tokens.accept(NEW.as_bytes(), now) && tokens.accept(OLD.as_bytes(), now));
        for wrong in ["", "Bearer", &OLD[1..], "another-token-of-32-characters--"] {
            assert!(!tokens.accept(wrong.as_bytes(), now), "{wrong}");
        }
        let shown = format!("{tokens:?} {:?}", tokens.sent());
        assert!(!shown.contains("token-of"), "{shown}");
    }

    #[test]
    fn a_token_that_was_replaced_is_accepted_for_a_while() {
        let now = Instant::now();
        let old = Tokens::read(OLD).unwrap();
        let new = Tokens::read(NEW).unwrap().after(&old, now);
        assert!(new.accept(OLD.as_bytes(), now + GRACE / 2));
        assert!(!new.accept(OLD.as_bytes(), now + GRACE));
        // Reading the file again does not make that longer.
        let later = now + GRACE / 2;
        let again = Tokens::read(NEW).unwrap().after(&new, later);
        assert!(again.accept(OLD.as_bytes(), later) && !again.accept(OLD.as_bytes(), now + GRACE));
        assert!(again.accept(NEW.as_bytes(), now + 100 * GRACE));
    }

    #[test]
    fn what_is_no_token_is_refused_without_showing_it() {
        for text in
            ["", "\n#x\n", "short-secret", "secret with spaces inside it", "sécret-sécret-sécret"]
        {
            let error = Tokens::read(text).unwrap_err();
            assert!(error.contains("expected") && !error.contains("cret"), "{error}");
        }
    }
}
