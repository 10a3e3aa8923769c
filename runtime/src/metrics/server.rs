//! The HTTP server of a process: small, bounded, read-only.

use super::{Health, Listen, Page, Source};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, io};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Connections at the same time; a further one takes the place of another.
const CONNECTIONS: usize = 16;
/// How long a request may take from the first byte to the last of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a connection that could not be accepted (too many open files, say).
const PAUSE: Duration = Duration::from_millis(200);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// A bound address that is not yet served.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    /// Takes the address.
    ///
    /// # Errors
    /// If it is taken already, or not of this machine.
    pub async fn bind(Listen(address): Listen) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let text = format!(
                "--metrics: expected an address to listen on, got {address}: {error}; choose \
                 another port, or 0 for a free one"
            );
            io::Error::new(error.kind(), text)
        })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until dropped.
    pub async fn serve(self, source: Arc<dyn Source>) {
        let address = self.address;
        tracing::info!("metrics at http://{address}/metrics, health at http://{address}/healthz");
        let place = Arc::new(Place::new(source));
        let mut guests = Guests::default();
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    guests.make_room().await;
                    guests.admit(peer, tokio::spawn(answer(place.clone(), stream)));
                }
                Err(error) => {
                    tracing::debug!(%error, "a request for metrics could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Who is being answered, oldest first.
#[derive(Debug, Default)]
struct Guests(Vec<Guest>);

#[derive(Debug)]
struct Guest {
    address: IpAddr,
    answering: JoinHandle<()>,
}

impl Guests {
    /// Makes sure that one more fits. If it would not, the oldest connection of the address that has
    /// most of them goes: whoever opens many is in its own way, and never in that of a probe.
    async fn make_room(&mut self) {
        self.0.retain(|guest| !guest.answering.is_finished());
        if self.0.len() < CONNECTIONS {
            return;
        }
        let of = |address| self.0.iter().filter(|guest| guest.address == address).count();
        // Of several largest ones it is the last that is found: newest first.
        let newest_first = self.0.iter().enumerate().rev();
        let most = newest_first.max_by_key(|(_, guest)| of(guest.address));
        if let Some(index) = most.map(|(index, _)| index) {
            let Guest { answering, .. } = self.0.remove(index);
            answering.abort();
            // So that there are never more; an answer is never far from a point where it can end.
            drop(answering.await);
        }
    }

    fn admit(&mut self, peer: SocketAddr, answering: JoinHandle<()>) {
        self.0.push(Guest { address: peer.ip().to_canonical(), answering });
    }
}

/// One request, then the connection is closed.
async fn answer(place: Arc<Place>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let response = place.respond(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(PATIENCE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request for metrics broke off"),
        Err(_) => tracing::debug!("a request for metrics took too long"),
    }
}

/// What is behind the paths.
struct Place {
    source: Arc<dyn Source>,
    registry: Registry,
}

impl Place {
    fn new(source: Arc<dyn Source>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process { started: SystemTime::now() }));
        registry.register_collector(Box::new(Told(source.clone())));
        Self { source, registry }
    }

    fn respond(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned());
        }
        match request.uri().path() {
            "/metrics" => self.metrics(),
            // That there is an answer is the answer.
            "/livez" => text(StatusCode::OK, PLAIN, "ok\n".to_owned()),
            "/healthz" => match self.source.health() {
                Health::Good => text(StatusCode::OK, PLAIN, "ok\n".to_owned()),
                Health::Bad(why) => {
                    text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n"))
                }
            },
            _ => {
                let paths = "try /metrics, /healthz or /livez\n";
                text(StatusCode::NOT_FOUND, PLAIN, paths.to_owned())
            }
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut page = String::new();
        match prometheus_client::encoding::text::encode(&mut page, &self.registry) {
            Ok(()) => text(StatusCode::OK, OPENMETRICS, page),
            Err(error) => {
                let why = format!("metrics cannot be written: {error}\n");
                text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, why)
            }
        }
    }
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The source as the registry wants it.
#[derive(Debug)]
struct Told(Arc<dyn Source>);

impl Collector for Told {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.metrics(&mut Page::new(encoder))
    }
}

/// What every process tells, under the names that all Prometheus clients use.
#[derive(Debug)]
struct Process {
    started: SystemTime,
}

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page::new(encoder);
        if let Ok(bytes) = crate::memory::resident_bytes() {
            let bytes =
                u32::try_from(bytes >> 10).map_or(f64::INFINITY, |kib| f64::from(kib) * 1024.0);
            page.gauge("process_resident_memory_bytes", "Resident memory in bytes.", bytes)?;
        }
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let help = "Start of the process in seconds since the epoch.";
        page.gauge("process_start_time_seconds", help, started.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Histogram;
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpSocket;

    #[derive(Debug)]
    struct Kettle(Histogram);

    impl Source for Kettle {
        fn metrics(&self, page: &mut Page<'_>) -> fmt::Result {
            page.counter("kettle_cups", "Cups poured.", 3.0)?;
            page.gauges(
                "kettle_litres",
                "Water by kind.",
                ["kind"],
                [(["hot \"tea\"".into()], 0.5)],
            )?;
            page.histogram("kettle_seconds", "Time to boil.", &self.0)
        }

        fn health(&self) -> Health {
            Health::Bad("no water".to_owned())
        }
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        ask_through(TcpStream::connect(address).await.unwrap(), request).await
    }

    async fn ask_through(mut stream: TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn tells_numbers_and_health_and_nothing_else() {
        let kettle = Kettle(Histogram::new(&[1.0, 10.0]));
        kettle.0.observe(1.0, 2);
        kettle.0.observe(99.0, 1);
        let endpoint = Endpoint::bind(Listen(([127, 0, 0, 1], 0).into())).await.unwrap();
        let address = endpoint.address();
        let serving = tokio::spawn(endpoint.serve(Arc::new(kettle)));

        // Somebody who connects and says nothing is in nobody's way.
        let _silent = TcpStream::connect(address).await.unwrap();
        let page = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        for expected in [
            "200 OK",
            "# TYPE process_resident_memory_bytes gauge\n",
            "# HELP kettle_cups Cups poured.\n# TYPE kettle_cups counter\nkettle_cups_total 3.0\n",
            "kettle_litres{kind=\"hot \\\"tea\\\"\"} 0.5\n",
            "kettle_seconds_bucket{le=\"10.0\"} 2\nkettle_seconds_bucket{le=\"+Inf\"} 3\n",
            "kettle_seconds_sum 101.0\n",
            "# EOF\n",
        ] {
            assert!(page.contains(expected), "{expected:?} is not in {page}");
        }
        let health = ask(address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(health.contains("503 ") && health.ends_with("no water\n"), "{health}");
        let life = ask(address, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(life.contains("200 OK") && life.ends_with("ok\n"), "{life}");
        let posted = ask(address, "POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(posted.contains("405 "), "{posted}");
        serving.abort();
    }

    #[tokio::test]
    async fn whoever_opens_many_connections_keeps_nobody_else_out() {
        let kettle = Arc::new(Kettle(Histogram::new(&[1.0])));
        let endpoint = Endpoint::bind(Listen(([127, 0, 0, 1], 0).into())).await.unwrap();
        let address = endpoint.address();
        let serving = tokio::spawn(endpoint.serve(kettle));

        let mut held = Vec::new();
        let probe = TcpSocket::new_v4().unwrap();
        probe.bind(([127, 0, 0, 2], 0).into()).unwrap();
        for _ in 0..2 * CONNECTIONS {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let probe = probe.connect(address).await.unwrap();
        for _ in 0..2 * CONNECTIONS {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let asked = ask_through(probe, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        // Long before the silent ones are cut for their silence.
        let answer = tokio::time::timeout(PATIENCE / 2, asked).await.unwrap();
        assert!(answer.contains("200 OK"), "{answer}");
        serving.abort();
    }
}
