//! Connections with the settings every process uses: no Nagle delay, keep-alive that notices a
//! dead peer, moderate windows (windows × connections is real memory), bounded messages; encrypted,
//! with both ends and every call checked, if the process has [`crate::Credentials`].
//!
//! This is the only place that opens connections and the only one that serves them. Towards others:
//! [`connect`]. For others: [`listen`], [`incoming`], [`server`], in this order.

mod body;
mod client;
mod connection;
mod exposure;
mod gate;
mod guard;
mod peer;
mod refusals;
mod rules;

pub use client::{Bearer, Channel, connect};
pub use connection::Connection;
pub use exposure::{Exposure, ListenError, listen};
pub use gate::{Incoming, incoming};
pub use guard::{Guard, GuardLayer};
pub use peer::Peer;
pub use refusals::Reason;

use crate::MAX_MESSAGE;
use crate::v1::control_client::ControlClient;
use crate::v1::experience_client::ExperienceClient;
use crate::v1::weights_client::WeightsClient;
use std::time::Duration;
use tonic::transport::Server;
use tower_layer::{Identity, Stack};

/// HTTP/2 flow-control window of one stream, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// HTTP/2 flow-control window of one connection, in bytes: so much of what a peer sends may lie
/// unread.
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A peer in the middle of a frame cannot answer either, so this also ends one that sends a frame
/// byte by byte.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Calls at a time on one connection. An actor has three.
const STREAMS: u32 = 64;
/// All headers of a call, in bytes.
const HEADERS: u32 = 16 * 1024;

/// A server with the same settings, to which connections come through [`incoming`]. Every call is
/// checked: its token, whether the caller's role may make it, and the pace and size of messages.
#[must_use]
pub fn server() -> Server<Stack<GuardLayer, Identity>> {
    Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADERS)
        .layer(GuardLayer)
}

/// The control plane over a connection.
#[must_use]
pub fn control(channel: Channel) -> ControlClient<Channel> {
    ControlClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}

/// The experience service over a connection.
#[must_use]
pub fn experience(channel: Channel) -> ExperienceClient<Channel> {
    ExperienceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}

/// The weights service over a connection.
#[must_use]
pub fn weights(channel: Channel) -> WeightsClient<Channel> {
    WeightsClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}
