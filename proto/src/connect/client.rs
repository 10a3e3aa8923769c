//! Opens connections.

use super::{CONNECT_TIMEOUT, CONNECTION_WINDOW, KEEP_ALIVE, KEEP_ALIVE_TIMEOUT, STREAM_WINDOW};
use crate::credentials::{Credentials, Role};
use http::Uri;
use http::header::AUTHORIZATION;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic::{Request, Status};
use tower_service::Service;

/// A connection that opens itself again when it breaks, and shows the join token with every call.
pub type Channel = InterceptedService<tonic::transport::Channel, Bearer>;

/// Connects to `address` (`host:port`), where a process with this role must be.
///
/// # Errors
/// If the address is malformed, nobody answers within 3 s, or one of the ends does not accept the
/// other.
pub async fn connect(
    address: &str,
    role: Role,
    credentials: &Credentials,
) -> Result<Channel, tonic::transport::Error> {
    let connector =
        Connector { address: Arc::from(address), role, credentials: credentials.clone() };
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector(connector)
        .await?;
    Ok(InterceptedService::new(channel, Bearer { credentials: credentials.clone() }))
}

/// Adds the join token to calls.
#[derive(Debug, Clone)]
pub struct Bearer {
    credentials: Credentials,
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = self.credentials.bearer() {
            request.metadata_mut().insert(AUTHORIZATION.as_str(), token);
        }
        Ok(request)
    }
}

struct Connector {
    address: Arc<str>,
    role: Role,
    credentials: Credentials,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Io>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Io>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (address, role) = (self.address.clone(), self.role);
        // As they are now: they may have changed since the last connection.
        let (tls, token) = (self.credentials.client(), self.credentials.has_token());
        Box::pin(async move { open(&address, role, tls, token).await.map(TokioIo::new) })
    }
}

async fn open(
    address: &str,
    role: Role,
    tls: Option<Arc<ClientConfig>>,
    token: bool,
) -> io::Result<Io> {
    let host = host_of(address);
    if tls.is_none() && token && !is_this_machine(host) {
        return Err(io::Error::other(format!(
            "{address}: expected TLS, because the join token must not travel in the clear; pass \
             --tls DIR as well"
        )));
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Io::Plain { stream, first: true }),
        Some(config) => {
            let stream = encrypt(host, role, config, stream).await;
            let stream = stream.map_err(|error| explain(address, role, &error))?;
            Ok(Io::Tls(Box::new(stream)))
        }
    }
}

async fn encrypt(
    host: &str,
    role: Role,
    config: Arc<ClientConfig>,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut stream = TlsConnector::from(config).connect(name, stream).await?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let got = match certificates.first() {
        Some(certificate) => Role::of_certificate(certificate),
        None => Err("no certificate".to_owned()),
    };
    if got.as_ref() != Ok(&role) {
        let got = got.map_or_else(|what| what, |role| format!("one of role {role}"));
        return Err(io::Error::other(format!("expected a certificate of role {role}, got {got}")));
    }
    // The other end looks at our certificate last. Its first word tells that it accepts us.
    if stream.fill_buf().await?.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(stream)
}

/// What a failed handshake means for the user.
fn explain(address: &str, role: Role, error: &io::Error) -> io::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let advice = match tls {
        Some(rustls::Error::AlertReceived(_)) => {
            "it does not accept the certificate of this process"
        }
        Some(rustls::Error::InvalidCertificate(_)) => "its certificate is not accepted",
        Some(rustls::Error::InvalidMessage(_)) => {
            "it does not speak TLS; was it started without --tls?"
        }
        _ => "",
    };
    let separator = if advice.is_empty() { "" } else { ": " };
    let text = format!("TLS with the {role} at {address}: {advice}{separator}{error}");
    io::Error::new(error.kind(), text)
}

fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The bytes of a connection.
#[derive(Debug)]
enum Io {
    Plain {
        stream: TcpStream,
        /// Nothing has been received.
        first: bool,
    },
    Tls(Box<TlsStream<TcpStream>>),
}

/// The first byte of a TLS alert. HTTP/2 begins with another one.
const ALERT: u8 = 0x15;

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Plain { stream, first } => {
                let before = buffer.filled().len();
                ready!(Pin::new(stream).poll_read(cx, buffer))?;
                let byte = buffer.filled().get(before).copied();
                if std::mem::take(first) && byte.is_none_or(|byte| byte == ALERT) {
                    let why = "the other end hung up at once; if it wants TLS, pass --tls DIR";
                    return Poll::Ready(Err(io::Error::other(why)));
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { stream, .. } => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
