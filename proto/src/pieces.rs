//! Weights in pieces: cutting a version up, and putting it together again with every check.

use crate::error::WireError;
use crate::v1;
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use types::Version;

/// Payload bytes of one piece at most.
pub const PIECE: usize = 2 * 1024 * 1024;

/// Largest weights that are accepted, in bytes.
pub const MAX_WEIGHTS: u64 = 1024 * 1024 * 1024;

/// One version of the weights, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// Which version.
    pub version: Version,
    /// safetensors bytes.
    pub bytes: Bytes,
}

/// Cuts weights into pieces that share one buffer. Hashed once, however many followers there are.
#[must_use]
pub fn cut(weights: &Weights) -> Vec<v1::Piece> {
    let digest = Bytes::copy_from_slice(&Sha256::digest(&weights.bytes));
    let total = weights.bytes.len();
    let count = total.div_ceil(PIECE).max(1);
    (0..count)
        .map(|index| v1::Piece {
            version: weights.version.0,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            total: total as u64,
            digest: digest.clone(),
            payload: weights.bytes.slice(index * PIECE..((index + 1) * PIECE).min(total)),
        })
        .collect()
}

/// Puts pieces together. A version is handed out only when it is complete and its digest is right,
/// and only if it is newer than the one before.
#[derive(Debug, Default)]
pub struct Assembler {
    newest: Option<Version>,
    partial: Option<Partial>,
}

#[derive(Debug)]
struct Partial {
    version: u64,
    next: u32,
    count: u32,
    total: u64,
    digest: Bytes,
    bytes: BytesMut,
}

impl Assembler {
    /// An assembler for a follower that already has `newest`.
    #[must_use]
    pub fn after(newest: Option<Version>) -> Self {
        Self { newest, partial: None }
    }

    /// Takes the next piece; gives the weights when it completes them.
    ///
    /// # Errors
    /// [`WireError::Pieces`] if the piece does not continue what came before, if a version goes
    /// back, or if the whole is too large or does not have its digest. The partial version is
    /// dropped; the next piece may start a new one.
    pub fn add(&mut self, piece: v1::Piece) -> Result<Option<Weights>, WireError> {
        let mut partial = match self.partial.take() {
            None => self.start(&piece)?,
            Some(partial) => partial,
        };
        partial.append(&piece)?;
        if partial.next < partial.count {
            self.partial = Some(partial);
            return Ok(None);
        }
        let weights = partial.finish()?;
        self.newest = Some(weights.version);
        Ok(Some(weights))
    }

    fn start(&self, piece: &v1::Piece) -> Result<Partial, WireError> {
        if self.newest.is_some_and(|newest| piece.version <= newest.0) {
            let newest = self.newest.unwrap_or_default();
            return Err(wrong(
                format!("a version after {newest}"),
                format!("version {}", piece.version),
            ));
        }
        if piece.total > MAX_WEIGHTS {
            return Err(wrong(
                format!("at most {MAX_WEIGHTS} bytes"),
                format!("{} bytes", piece.total),
            ));
        }
        let count = usize::try_from(piece.total).unwrap_or(usize::MAX).div_ceil(PIECE).max(1);
        if u32::try_from(count) != Ok(piece.count) {
            return Err(wrong(format!("{count} pieces"), format!("{}", piece.count)));
        }
        Ok(Partial {
            version: piece.version,
            next: 0,
            count: piece.count,
            total: piece.total,
            digest: piece.digest.clone(),
            bytes: BytesMut::new(),
        })
    }
}

impl Partial {
    fn append(&mut self, piece: &v1::Piece) -> Result<(), WireError> {
        let same = piece.version == self.version
            && piece.count == self.count
            && piece.total == self.total
            && piece.digest == self.digest;
        if !same || piece.index != self.next {
            return Err(wrong(
                format!("piece {} of version {}", self.next, self.version),
                format!("piece {} of version {}", piece.index, piece.version),
            ));
        }
        let sum = self.bytes.len() as u64 + piece.payload.len() as u64;
        if piece.payload.len() > PIECE || sum > self.total {
            return Err(wrong(format!("{} bytes in all", self.total), format!("at least {sum}")));
        }
        self.bytes.extend_from_slice(&piece.payload);
        self.next += 1;
        Ok(())
    }

    fn finish(self) -> Result<Weights, WireError> {
        if self.bytes.len() as u64 != self.total {
            return Err(wrong(format!("{} bytes", self.total), format!("{}", self.bytes.len())));
        }
        if Sha256::digest(&self.bytes)[..] != self.digest[..] {
            return Err(wrong("the digest announced".to_owned(), "another one".to_owned()));
        }
        Ok(Weights { version: Version(self.version), bytes: self.bytes.freeze() })
    }
}

fn wrong(expected: String, got: String) -> WireError {
    WireError::Pieces { expected, got }
}
