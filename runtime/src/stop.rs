//! The end of a process: told by a signal, by whoever started it, or by the program itself.

use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Tells every part of a process to finish. Clones are handles to the same thing.
///
/// Telling is all it does: whether the parts are done is known from their tasks (a `TaskTracker`,
/// join handles).
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
}

impl Stop {
    /// One that only [`Stop::cancel`] triggers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGTERM and SIGINT trigger. A second signal exits at once, with 128 + its number.
    ///
    /// # Errors
    /// If the handlers cannot be installed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = stop.clone();
        tokio::spawn(async move {
            let name = next_signal(&mut terminate, &mut interrupt).await.0;
            tracing::info!(signal = name, "stopping; a second signal exits at once");
            told.cancel();
            let (name, number) = next_signal(&mut terminate, &mut interrupt).await;
            tracing::warn!(signal = name, "exiting without cleaning up");
            std::process::exit(128 + number);
        });
        Ok(stop)
    }

    /// Tells everybody.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether it has been told.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Completes once it has been told.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// The token underneath, for `tokio_util` and child tokens.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// For a process whose standard input is a pipe held by its parent (`--exit-with-parent`):
    /// when the parent ends, however it ends, the pipe closes. Then this triggers, and `grace`
    /// later the process exits with 1 if it still runs.
    ///
    /// # Errors
    /// If the watching thread cannot be started.
    pub fn exit_with_parent(&self, grace: Duration) -> io::Result<()> {
        let stop = self.clone();
        std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
            wait_for_end(&mut io::stdin().lock());
            tracing::info!("the parent process has ended; stopping");
            stop.cancel();
            let deadline = Instant::now() + grace;
            while let Some(left) = deadline.checked_duration_since(Instant::now()) {
                std::thread::park_timeout(left);
            }
            tracing::warn!(?grace, "still running after the grace period; exiting");
            std::process::exit(1);
        })?;
        Ok(())
    }
}

async fn next_signal(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
    }
}

/// Reads until the end, or until reading fails for good.
fn wait_for_end(input: &mut impl io::Read) {
    let mut scratch = [0; 64];
    loop {
        match input.read(&mut scratch) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
