//! The learner's two services, and the server that carries them.

pub mod durable;
pub mod experience;
pub mod weights;

use self::durable::Durable;
use crate::error::{Error, Result};
use crate::publish::Subscription;
use crate::replay::Store;
use proto::Credentials;
use proto::v1::experience_server::ExperienceServer;
use proto::v1::weights_server::WeightsServer;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use types::experiment::Durability;

/// What is served.
#[derive(Debug)]
pub struct Served {
    /// Where experience goes.
    pub store: Arc<Store>,
    /// What is counted on the way.
    pub counters: Arc<experience::Counters>,
    /// What an acknowledged transition outlives.
    pub durability: Durability,
    /// The newest weights.
    pub weights: Subscription,
}

/// Serves experience and weights on `listener` until `stop`. Open streams end with it.
///
/// # Errors
/// If the server fails, or the disk where an acknowledgement waits for it.
pub async fn serve(
    listener: TcpListener,
    credentials: Credentials,
    served: Served,
    stop: CancellationToken,
) -> Result<()> {
    let Served { store, counters, durability, weights } = served;
    let (durable, syncing) = Durable::new(durability, &store, stop.clone());
    let experience = experience::Service::new(store, counters, durable, stop.clone());
    let weights = weights::Service::new(weights, stop.clone());
    let experience = ExperienceServer::new(experience)
        .max_decoding_message_size(proto::MAX_MESSAGE)
        .max_encoding_message_size(proto::MAX_MESSAGE);
    // Says "serving" from the moment there is a server: the learner has joined the run by then.
    let (_reporter, health) = tonic_health::server::health_reporter();
    let incoming = proto::connect::incoming(listener, &credentials);
    let serving = proto::connect::server()
        .add_service(experience)
        .add_service(WeightsServer::new(weights).max_encoding_message_size(proto::MAX_MESSAGE))
        .add_service(health)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned());
    let serving = async { serving.await.map_err(Error::from) };
    tokio::try_join!(serving, syncing).map(drop)
}
