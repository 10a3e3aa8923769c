//! A TCP proxy that makes a link slow, late, silent or broken: put between two processes by giving
//! one of them the proxy's address instead of the other's.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;
/// Pieces under way in one direction when nothing is delayed: few, so that a slow link is felt by
/// the sender soon.
const PIECES: usize = 4;
/// Pieces under way in one direction of a link with a delay, which has to hold what is in flight.
const PIECES_DELAYED: usize = 1024;
/// Receive buffer of the sockets in bytes, small for the same reason.
const BUFFER: u32 = 64 * 1024;

/// What happens to bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// How much later they arrive.
    pub delay: Duration,
    /// How many pass per second on each connection; `None` = as many as come.
    pub bytes_per_s: Option<u32>,
}

/// What the link is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// Bytes pass.
    #[default]
    Open,
    /// Connections stay and are accepted, and nothing passes; what was sent arrives once the link
    /// is open again.
    Silent,
    /// Connections are closed, and new ones are closed at once.
    Cut,
}

/// All that is wrong with the link, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Whether anything passes.
    pub link: Link,
    /// From whoever connects to the proxy, to the target.
    pub to_target: Shape,
    /// From the target, to whoever has connected.
    pub to_client: Shape,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    ToTarget,
    ToClient,
}

impl Rules {
    fn shape(&self, way: Way) -> Shape {
        match way {
            Way::ToTarget => self.to_target,
            Way::ToClient => self.to_client,
        }
    }
}

impl Shape {
    fn room(&self) -> usize {
        if self.delay.is_zero() { PIECES } else { PIECES_DELAYED }
    }

    fn time_for(&self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let per_byte = |rate: u32| Duration::from_secs(1) * bytes / rate.max(1);
        self.bytes_per_s.map_or(Duration::ZERO, per_byte)
    }
}

/// A running proxy, on a thread of its own. It ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    rules: watch::Sender<Rules>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Listens on a free port of this machine and passes everything on to `target`, which need
    /// not be there yet.
    ///
    /// # Errors
    /// If there is no port or no thread to be had.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (rules, receiver) = watch::channel(Rules::default());
        let listener = {
            let _entered = runtime.enter();
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(BUFFER)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            socket.listen(1024)?
        };
        let address = listener.local_addr()?;
        runtime.spawn(accept(listener, target, receiver));
        Ok(Self { address, rules, runtime: Some(runtime) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the link is like this, for open connections too.
    pub fn set(&self, rules: Rules) {
        self.rules.send_replace(rules);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, rules: watch::Receiver<Rules>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut cut = rules.clone();
        let carried = carry(client, target, rules.clone());
        tokio::spawn(async move {
            tokio::select! {
                // Whoever is connected sees the connection end; there is nobody else to tell.
                ended = carried => drop(ended),
                cut = cut.wait_for(|rules| rules.link == Link::Cut) => drop(cut),
            }
        });
    }
}

async fn carry(
    client: TcpStream,
    target: SocketAddr,
    rules: watch::Receiver<Rules>,
) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    let server = socket.connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pump(from_client, to_server, rules.clone(), Way::ToTarget);
    let back = pump(from_server, to_client, rules, Way::ToClient);
    tokio::try_join!(there, back)?;
    Ok(())
}

/// Passes bytes on until the sender closes its half and all of it has arrived.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut rules: watch::Receiver<Rules>,
    way: Way,
) -> io::Result<()> {
    let mut held: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut buffer = vec![0; PIECE];
    let mut free = Instant::now();
    let mut ended = false;
    while !(ended && held.is_empty()) {
        let now = *rules.borrow_and_update();
        let shape = now.shape(way);
        let due = held.front().map(|(came, _)| (*came + shape.delay).max(free));
        tokio::select! {
            read = from.read(&mut buffer), if !ended && held.len() < shape.room() => match read? {
                0 => ended = true,
                n => held.push_back((Instant::now(), buffer[..n].to_vec())),
            },
            () = at(due), if now.link == Link::Open => if let Some((_, piece)) = held.pop_front() {
                to.write_all(&piece).await?;
                free = Instant::now() + shape.time_for(piece.len());
            },
            changed = rules.changed() => if changed.is_err() { return Ok(()) },
        }
    }
    to.shutdown().await
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream as Stream;
    use std::time::Instant as Clock;

    /// A server that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut back = stream.try_clone().unwrap();
                    drop(io::copy(&mut stream, &mut back));
                });
            }
        });
        address
    }

    fn round_trip(stream: &mut Stream, bytes: &[u8]) -> io::Result<Duration> {
        let began = Clock::now();
        stream.write_all(bytes)?;
        let mut back = vec![0; bytes.len()];
        stream.read_exact(&mut back)?;
        assert_eq!(back, bytes);
        Ok(began.elapsed())
    }

    #[test]
    fn bytes_arrive_whole_whatever_the_link_does_to_them() {
        let proxy = Proxy::start(echo()).unwrap();
        let mut stream = Stream::connect(proxy.address()).unwrap();
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        round_trip(&mut stream, &bytes).unwrap();

        let late = Shape { delay: Duration::from_millis(150), bytes_per_s: None };
        proxy.set(Rules { to_target: late, ..Rules::default() });
        assert!(round_trip(&mut stream, &bytes).unwrap() >= late.delay);

        let slow = Shape { delay: Duration::ZERO, bytes_per_s: Some(200_000) };
        proxy.set(Rules { to_client: slow, ..Rules::default() });
        assert!(round_trip(&mut stream, &bytes).unwrap() >= Duration::from_millis(300));

        proxy.set(Rules { link: Link::Silent, ..Rules::default() });
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        stream.write_all(b"later").unwrap();
        let mut later = [0; 5];
        assert!(stream.read_exact(&mut later).is_err());
        proxy.set(Rules::default());
        stream.set_read_timeout(None).unwrap();
        stream.read_exact(&mut later).unwrap();
        assert_eq!(&later, b"later");

        proxy.set(Rules { link: Link::Cut, ..Rules::default() });
        assert!(!matches!(stream.read(&mut later), Ok(1..)));
        assert!(round_trip(&mut Stream::connect(proxy.address()).unwrap(), b"x").is_err());
        proxy.set(Rules::default());
        round_trip(&mut Stream::connect(proxy.address()).unwrap(), b"x").unwrap();
    }
}
