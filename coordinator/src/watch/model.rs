//! What the screen shows, and what keys do to it. Pure.

use proto::v1::StatusReply;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};
use std::collections::VecDeque;
use std::time::Duration;

/// Looks whose speeds are remembered.
const SPEEDS: usize = 240;
/// Lines that a page key moves.
const PAGE: usize = 10;

/// A part of the screen that can be scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// The table of actors.
    #[default]
    Actors,
    /// The table of tasks.
    Tasks,
    /// The log.
    Log,
}

/// What to do after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Stay,
    /// The user wants to leave.
    Leave,
}

/// All there is to draw.
#[derive(Debug, Default)]
pub struct Model {
    status: Option<Box<StatusReply>>,
    /// Environment steps per second at each look, oldest first.
    speeds: VecDeque<f64>,
    /// How long the coordinator has not answered.
    missed: Option<Duration>,
    held: bool,
    focus: Pane,
    scroll: [usize; 3],
}

impl Model {
    /// A new picture of the run; not looked at while the screen is held.
    pub fn take(&mut self, status: StatusReply) {
        self.missed = None;
        if self.held {
            return;
        }
        self.speeds.push_back(status.env_steps_per_s);
        if self.speeds.len() > SPEEDS {
            self.speeds.pop_front();
        }
        self.status = Some(Box::new(status));
        let lengths = [Pane::Actors, Pane::Tasks, Pane::Log].map(|pane| self.length(pane));
        for (position, length) in self.scroll.iter_mut().zip(lengths) {
            *position = (*position).min(length.saturating_sub(1));
        }
    }

    /// The coordinator has not answered for so long.
    pub fn miss(&mut self, silent: Duration) {
        self.missed = Some(silent);
    }

    /// A key, or whatever else the terminal says.
    pub fn handle(&mut self, event: &Event) -> Flow {
        let Event::Key(key) = event else {
            return Flow::Stay;
        };
        if key.kind == KeyEventKind::Release {
            return Flow::Stay;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Flow::Leave,
            KeyCode::Char('c') if control => return Flow::Leave,
            KeyCode::Char('p') => self.held = !self.held,
            KeyCode::Right | KeyCode::Tab => self.focus = self.focus.next(),
            KeyCode::Left | KeyCode::BackTab => self.focus = self.focus.next().next(),
            KeyCode::Up => self.scroll(|at| at.saturating_sub(1)),
            KeyCode::Down => self.scroll(|at| at + 1),
            KeyCode::PageUp => self.scroll(|at| at.saturating_sub(PAGE)),
            KeyCode::PageDown => self.scroll(|at| at + PAGE),
            KeyCode::Home => self.scroll(|_| 0),
            KeyCode::End => self.scroll(|_| usize::MAX),
            _ => {}
        }
        Flow::Stay
    }

    fn scroll(&mut self, to: impl Fn(usize) -> usize) {
        let last = self.length(self.focus).saturating_sub(1);
        let position = &mut self.scroll[self.focus as usize];
        *position = to(*position).min(last);
    }

    fn length(&self, pane: Pane) -> usize {
        self.status.as_ref().map_or(0, |status| match pane {
            Pane::Actors => status.actors.len(),
            Pane::Tasks => status.tasks.len(),
            Pane::Log => status.log.len(),
        })
    }

    /// The newest picture.
    #[must_use]
    pub fn status(&self) -> Option<&StatusReply> {
        self.status.as_deref()
    }

    /// Takes the newest picture away.
    pub fn last(&mut self) -> Option<Box<StatusReply>> {
        self.status.take()
    }

    /// Environment steps per second at past looks, oldest first.
    #[must_use]
    pub fn speeds(&self) -> Vec<f64> {
        self.speeds.iter().copied().collect()
    }

    /// Where keys go.
    #[must_use]
    pub fn focus(&self) -> Pane {
        self.focus
    }

    /// How many lines of a pane are scrolled away.
    #[must_use]
    pub fn position(&self, pane: Pane) -> usize {
        self.scroll[pane as usize]
    }

    /// What there is to say about the picture itself.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        match (self.missed, self.held) {
            (Some(silent), _) => {
                Some(format!("the coordinator has not answered for {} s", silent.as_secs()))
            }
            (None, true) => Some("held: p goes on".to_owned()),
            (None, false) => None,
        }
    }
}

impl Pane {
    fn next(self) -> Self {
        match self {
            Self::Actors => Self::Tasks,
            Self::Tasks => Self::Log,
            Self::Log => Self::Actors,
        }
    }
}
