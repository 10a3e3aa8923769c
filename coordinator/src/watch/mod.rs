//! `status --watch` on a terminal: a run as a full screen, until it ends or the user leaves.
//!
//! One thread waits for keys, the task that owns the [`Model`] asks for the status and draws.

mod bars;
mod model;
mod panels;
mod screen;

#[cfg(test)]
mod tests;

pub use model::{Flow, Model, Pane};
pub use screen::draw;

use proto::connect::Channel;
use proto::tonic::Status;
use proto::v1::control_client::ControlClient;
use proto::v1::{StatusReply, StatusRequest};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use runtime::Stop;
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Between two looks at the run.
const EVERY: Duration = Duration::from_secs(1);
/// How long a status may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the coordinator may be away (it may be restarted) before the run has ended.
const AWAY: Duration = Duration::from_secs(5);
/// How often the thread that waits for keys looks whether it is still wanted.
const GLANCE: Duration = Duration::from_millis(100);
/// Keys that may wait to be handled.
const KEYS: usize = 16;

/// How watching ended.
#[derive(Debug)]
pub enum End {
    /// The user has left, or was told to.
    Left,
    /// The coordinator has gone: the last that was seen of it.
    Gone(Option<Box<StatusReply>>),
}

/// Watching has failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The coordinator refuses.
    #[error("the coordinator answered {}: {}", .0.code(), .0.message())]
    Refused(Box<Status>),
}

/// Shows the run until the user leaves, `stop` is triggered, or the coordinator has gone. Whatever
/// happens, the terminal is as it was before.
///
/// # Errors
/// [`Error`].
pub async fn watch(control: ControlClient<Channel>, stop: &Stop) -> Result<End, Error> {
    let mut terminal = ratatui::try_init()?;
    let (sender, keys) = mpsc::channel(KEYS);
    let reading = std::thread::Builder::new().name("keys".to_owned()).spawn(|| read_keys(sender));
    let ended = match reading {
        Ok(_) => show(&mut terminal, control, keys, stop).await,
        Err(error) => Err(error.into()),
    };
    ratatui::try_restore()?;
    ended
}

/// Until nobody takes them.
fn read_keys(keys: mpsc::Sender<Event>) {
    while !keys.is_closed() {
        match event::poll(GLANCE).and_then(|any| any.then(event::read).transpose()) {
            Ok(None) => {}
            Ok(Some(event)) => {
                if keys.blocking_send(event).is_err() {
                    return;
                }
            }
            Err(error) => return tracing::debug!(%error, "no more keys"),
        }
    }
}

async fn show(
    terminal: &mut DefaultTerminal,
    mut control: ControlClient<Channel>,
    mut keys: mpsc::Receiver<Event>,
    stop: &Stop,
) -> Result<End, Error> {
    let mut model = Model::default();
    let mut ticks = tokio::time::interval(EVERY);
    let mut answered = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => match ask(&mut control).await {
                Ok(status) => {
                    answered = Instant::now();
                    model.take(status);
                }
                Err(status) if !crate::cli::gone(&status) => {
                    return Err(Error::Refused(Box::new(status)));
                }
                Err(_) if answered.elapsed() > AWAY => return Ok(End::Gone(model.last())),
                Err(_) => model.miss(answered.elapsed()),
            },
            event = keys.recv() => match event {
                Some(event) => if model.handle(&event) == Flow::Leave {
                    return Ok(End::Left);
                },
                None => return Ok(End::Left),
            },
            () = stop.cancelled() => return Ok(End::Left),
        }
        terminal.draw(|frame| draw(&model, frame))?;
    }
}

async fn ask(control: &mut ControlClient<Channel>) -> Result<StatusReply, Status> {
    let answer = control.status(StatusRequest { history: true });
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => answer.map(proto::tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer")),
    }
}
