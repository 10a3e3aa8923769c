//! Connections with the settings every process uses: no Nagle delay, keep-alive that notices a
//! dead peer, moderate windows (windows × connections is real memory), bounded messages.

use crate::MAX_MESSAGE;
use crate::v1::control_client::ControlClient;
use crate::v1::experience_client::ExperienceClient;
use crate::v1::weights_client::WeightsClient;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint, Server};

/// HTTP/2 flow-control window of one stream, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// HTTP/2 flow-control window of one connection, in bytes.
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Connects to `host:port`.
///
/// # Errors
/// If the address is malformed or nobody answers within 3 s.
pub async fn connect(address: &str) -> Result<Channel, tonic::transport::Error> {
    Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect()
        .await
}

/// A server with the same settings. Accepted sockets need `TCP_NODELAY` too: see [`incoming`].
#[must_use]
pub fn server() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

/// Connections accepted from `listener`, without Nagle delay (a server does not set this itself).
#[must_use]
pub fn incoming(listener: tokio::net::TcpListener) -> tonic::transport::server::TcpIncoming {
    tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true))
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
