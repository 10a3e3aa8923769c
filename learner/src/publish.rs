//! Publishing weights: the newest value, not a queue. Serialised, hashed and cut once per version,
//! whatever the number of followers.

use proto::pieces::{Weights, cut};
use proto::v1::Piece;
use std::sync::Arc;
use tokio::sync::watch;
use types::Version;

/// One published version.
#[derive(Debug)]
pub struct Published {
    /// Which version.
    pub version: Version,
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
}

/// The writing end.
#[derive(Debug)]
pub struct Publisher {
    next: Version,
    sender: watch::Sender<Option<Arc<Published>>>,
}

/// The reading end, for the weights service.
pub type Subscription = watch::Receiver<Option<Arc<Published>>>;

/// A publisher and what follows it. The first publication is version 0.
#[must_use]
pub fn channel() -> (Publisher, Subscription) {
    let (sender, receiver) = watch::channel(None);
    (Publisher { next: Version(0), sender }, receiver)
}

impl Publisher {
    /// The version that the next publication will have.
    #[must_use]
    pub fn next(&self) -> Version {
        self.next
    }

    /// The next publication will have this version.
    pub fn go_on_at(&mut self, version: Version) {
        self.next = version;
    }

    /// The next publication will have the version of the last one again: the same weights, from a
    /// process that was started again.
    pub fn step_back(&mut self) {
        self.next = self.newest();
    }

    /// The version published last; 0 before the first publication.
    #[must_use]
    pub fn newest(&self) -> Version {
        Version(self.next.0.saturating_sub(1))
    }

    /// Publishes weights under the next version, which is returned.
    pub fn publish(&mut self, bytes: Vec<u8>) -> Version {
        let version = self.next;
        let pieces = cut(&Weights { version, bytes: bytes.into() });
        self.sender.send_replace(Some(Arc::new(Published { version, pieces })));
        self.next = version.next();
        version
    }
}
