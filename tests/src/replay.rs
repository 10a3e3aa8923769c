//! An empty replay with a log of its own, in a folder that goes with it.

use learner::experience::Error;
use learner::replay::{Insertion, RowLayout, Store, StoreSettings};
use std::ops::Deref;
use std::sync::Arc;
use tempfile::TempDir;
use types::EnvSpec;

/// Bytes of a segment of the log.
const SEGMENT: usize = 64 * 1024 * 1024;

/// A store, and the folder of its log.
#[derive(Debug)]
pub struct Replay {
    store: Arc<Store>,
    _folder: TempDir,
}

/// How much it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Training tasks.
    pub tasks: usize,
    /// Transitions kept per task.
    pub transitions: usize,
    /// Context transitions kept per task.
    pub context: usize,
}

impl Replay {
    /// For an environment; a trial enters as soon as it is complete.
    ///
    /// # Errors
    /// If the log cannot be made.
    pub fn empty(spec: EnvSpec, layout: RowLayout, sizes: Sizes) -> Result<Self, Error> {
        let file =
            |source| Error::File { action: "make a folder in", path: std::env::temp_dir(), source };
        let folder = tempfile::tempdir().map_err(file)?;
        let Sizes { tasks, transitions, context } = sizes;
        let store = Store::create(StoreSettings {
            folder: folder.path().to_owned(),
            segment_bytes: SEGMENT,
            spec,
            layout,
            tasks,
            transitions,
            context,
            insertion: Insertion::AtOnce,
        })?;
        Ok(Self { store: Arc::new(store), _folder: folder })
    }

    /// The store, to be shared.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }
}

impl Deref for Replay {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}
