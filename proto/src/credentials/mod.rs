//! Who a process is, and whom it talks to: certificates for mutual TLS and the join token.
//!
//! The files are read again when they change, without a restart: connections that are open go on,
//! new ones use what is new. Files that do not fit together, because somebody is still writing them,
//! change nothing until they do.

mod role;
mod tls;
mod token;

pub use role::Role;
pub use tls::{CA_FILE, CERTIFICATE_FILE, KEY_FILE};

use parking_lot::Mutex;
use rustls::{ClientConfig, ServerConfig};
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tls::Tls;
use token::Tokens;
use tonic::metadata::{Ascii, MetadataValue};

/// How old the knowledge of the files may be when a connection is opened or a call is made.
const POLL: Duration = Duration::from_secs(2);
/// Likewise when somebody presents a token that is not known: it may be a new one.
const POLL_UNKNOWN: Duration = Duration::from_millis(200);

/// Credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that is not there, or cannot be read.
    #[error(
        "{}: expected a file that can be read, got: {source}; `coordinator certs --help` tells how \
         to make it",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that holds something else, or what is no longer valid.
    #[error("{}: {reason}; `coordinator certs --help` tells how to make it", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Expected and got, without secrets.
        reason: String,
    },
    /// The certificate of another kind of process.
    #[error(
        "{}: expected a certificate of role {expected}, got {got}; \
         `coordinator certs issue --role {expected}` makes one",
        path.display()
    )]
    Role {
        /// The file.
        path: PathBuf,
        /// What this process is.
        expected: Role,
        /// What is there.
        got: String,
    },
}

/// What a process shows to others and asks of them. Cheap to clone; all clones change together.
#[derive(Clone, Default)]
pub struct Credentials {
    store: Option<Arc<Store>>,
}

struct Store {
    role: Role,
    files: Files,
    state: Mutex<State>,
}

struct Files {
    /// Folder with the three files.
    tls: Option<PathBuf>,
    token: Option<PathBuf>,
}

struct State {
    current: Current,
    stamp: Vec<Stamp>,
    /// Which files could not be used; told once.
    failed: Option<Vec<Stamp>>,
    looked: Instant,
}

#[derive(Clone)]
struct Current {
    tls: Option<Tls>,
    tokens: Option<Tokens>,
}

/// What changes when a file does: modification time, size, place on the disk.
type Stamp = Option<(i64, i64, u64, u64)>;

/// Says which files, not what is in them.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.store.as_ref().map(|store| &store.files);
        f.debug_struct("Credentials")
            .field("tls", &files.and_then(|files| files.tls.as_ref()))
            .field("token", &files.and_then(|files| files.token.as_ref()))
            .finish()
    }
}

impl Credentials {
    /// None: nothing is encrypted, and everybody is who they say they are.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of a process with this role.
    ///
    /// `tls` is a folder that holds `ca.pem`, `cert.pem` and `key.pem`, or else a folder named after
    /// the role that does. `token` is a file with join tokens, one a line: the first is sent, all
    /// are accepted.
    ///
    /// # Errors
    /// [`Error`]: the first file that cannot be used, and why.
    pub fn open(role: Role, tls: Option<&Path>, token: Option<&Path>) -> Result<Self, Error> {
        if tls.is_none() && token.is_none() {
            return Ok(Self::none());
        }
        let files =
            Files { tls: tls.map(|tls| folder_of(role, tls)), token: token.map(Into::into) };
        let stamp = files.stamp();
        let current = files.read(role)?;
        let state = State { current, stamp, failed: None, looked: Instant::now() };
        Ok(Self { store: Some(Arc::new(Store { role, files, state: Mutex::new(state) })) })
    }

    /// Whether connections are encrypted and both ends prove who they are.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.files.tls.is_some())
    }

    /// Whether a join token is asked for.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.files.token.is_some())
    }

    /// For the next connection that is opened.
    pub(crate) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.current(POLL)?.tls.map(|tls| tls.client)
    }

    /// For the next connection that is accepted.
    pub(crate) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.current(POLL)?.tls.map(|tls| tls.server)
    }

    /// Value of the `authorization` entry of a call.
    pub(crate) fn bearer(&self) -> Option<MetadataValue<Ascii>> {
        self.current(POLL)?.tokens.map(|tokens| tokens.sent())
    }

    /// Whether a call may be made that carries this `authorization` entry.
    pub(crate) fn accepts(&self, authorization: Option<&[u8]>) -> bool {
        if !self.has_token() {
            return true;
        }
        let presented = authorization.and_then(|value| value.strip_prefix(b"Bearer "));
        let presented = presented.unwrap_or_default();
        let accepts = |poll| {
            let tokens = self.current(poll).and_then(|current| current.tokens);
            tokens.is_some_and(|tokens| tokens.accept(presented, Instant::now()))
        };
        accepts(POLL) || accepts(POLL_UNKNOWN)
    }

    /// What is in the files, known since at most `poll`.
    fn current(&self, poll: Duration) -> Option<Current> {
        let store = self.store.as_ref()?;
        let mut state = store.state.lock();
        if state.looked.elapsed() >= poll {
            state.looked = Instant::now();
            store.refresh(&mut state);
        }
        Some(state.current.clone())
    }
}

impl Store {
    fn refresh(&self, state: &mut State) {
        // Taken before reading: what changes meanwhile is seen the next time.
        let stamp = self.files.stamp();
        if stamp == state.stamp {
            return;
        }
        match self.files.read(self.role) {
            Ok(new) => {
                let before = state.current.tokens.as_ref();
                let tokens = new.tokens.map(|tokens| match before {
                    Some(before) => tokens.after(before, Instant::now()),
                    None => tokens,
                });
                state.current = Current { tls: new.tls, tokens };
                state.stamp = stamp;
                tracing::info!("the credentials have changed; new connections use the new ones");
            }
            Err(error) if state.failed.as_ref() != Some(&stamp) => {
                tracing::warn!(
                    "the credentials have changed and cannot be used; keeping the old ones: {error}"
                );
                state.failed = Some(stamp);
            }
            Err(_) => {}
        }
    }
}

impl Files {
    fn read(&self, role: Role) -> Result<Current, Error> {
        let tls = self.tls.as_ref().map(|folder| Tls::read(folder, role)).transpose()?;
        let tokens = self.token.as_ref().map(|path| read_tokens(path)).transpose()?;
        Ok(Current { tls, tokens })
    }

    fn stamp(&self) -> Vec<Stamp> {
        let names = [CA_FILE, CERTIFICATE_FILE, KEY_FILE];
        let folder = self.tls.iter().flat_map(|folder| names.map(|name| folder.join(name)));
        folder.chain(self.token.clone()).map(|path| stamp(&path)).collect()
    }
}

fn stamp(path: &Path) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.len(), file.ino()))
}

fn read_tokens(path: &Path) -> Result<Tokens, Error> {
    let text = String::from_utf8_lossy(&tls::read(path)?).into_owned();
    Tokens::read(&text).map_err(|reason| Error::Content { path: path.to_owned(), reason })
}

/// One folder may hold those of all roles, each in a folder named after it.
fn folder_of(role: Role, tls: &Path) -> PathBuf {
    let own = tls.join(role.name());
    if !tls.join(CERTIFICATE_FILE).exists() && own.is_dir() { own } else { tls.to_owned() }
}
