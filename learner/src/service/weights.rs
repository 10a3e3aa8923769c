//! Sends weights out: the newest version at once, then each newer one as it appears. A slow reader
//! skips versions and holds nobody up.

use crate::publish::{Published, Subscription};
use proto::tonic::{Request, Response, Status};
use proto::v1;
use proto::v1::weights_server::Weights;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// Pieces ahead of a follower.
const PIECES: usize = 2;

/// The weights service.
#[derive(Debug)]
pub struct Service {
    newest: Subscription,
    stop: CancellationToken,
}

impl Service {
    /// A service that follows a publisher.
    #[must_use]
    pub fn new(newest: Subscription, stop: CancellationToken) -> Self {
        Self { newest, stop }
    }
}

#[proto::tonic::async_trait]
impl Weights for Service {
    type FollowStream = ReceiverStream<Result<v1::Piece, Status>>;

    async fn follow(
        &self,
        request: Request<v1::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let (sender, receiver) = mpsc::channel(PIECES);
        let newest = self.newest.clone();
        let have = request.into_inner().have;
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = send_newest(newest, have, sender) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Until the follower hangs up or the publisher is gone.
async fn send_newest(
    mut newest: Subscription,
    mut have: Option<u64>,
    pieces: mpsc::Sender<Result<v1::Piece, Status>>,
) {
    loop {
        let published: Option<Arc<Published>> = newest.borrow_and_update().clone();
        if let Some(published) = published.filter(|p| have.is_none_or(|have| p.version.0 > have)) {
            have = Some(published.version.0);
            for piece in &published.pieces {
                if pieces.send(Ok(piece.clone())).await.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            () = pieces.closed() => return,
        }
    }
}
