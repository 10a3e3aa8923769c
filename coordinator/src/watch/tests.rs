//! The screen, drawn into memory.

use super::{Flow, Model, draw};
use proto::v1::{
    ActorKey, ActorStats, ActorStatus, LearnerProgress, Spent, StatusReply, TaskRef, TaskStatus,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

fn status(actors: u32) -> StatusReply {
    let spent = |who: &str, cause: &str, seconds| Spent {
        who: who.to_owned(),
        cause: cause.to_owned(),
        seconds,
    };
    StatusReply {
        experiment: "quickstart".to_owned(),
        family: "point-robot".to_owned(),
        uptime_s: 64.0,
        env_steps_budget: 80_000,
        env_steps_per_s: 1000.0,
        bottleneck:
            "learner: collection waits for updates; a faster device would help (last 15 s; \
                     actors: 9.0 s held back)"
                .to_owned(),
        limit: "learner".to_owned(),
        spent_window_s: 10.0,
        spent: vec![
            spent("actors", "stepping", 1.0),
            spent("actors", "held_back", 9.0),
            spent("learner", "update", 8.0),
        ],
        samples_per_insert_target: 64.0,
        learner: Some(LearnerProgress {
            phase: "training".to_owned(),
            device: "cpu".to_owned(),
            env_steps: 20_000,
            updates: 1234,
            ..LearnerProgress::default()
        }),
        actors: (0..actors)
            .map(|actor| ActorStatus {
                actor: Some(ActorKey { actor, incarnation: u64::from(actor) + 1 }),
                alive: actor != 1,
                lag: 3,
                stats: Some(ActorStats { resident_bytes: 20 << 20, ..ActorStats::default() }),
                ..ActorStatus::default()
            })
            .collect(),
        tasks: vec![TaskStatus {
            task: Some(TaskRef { split: 2, index: 17 }),
            returns: vec![-20.0, -12.0, -6.5],
            failed: 2,
        }],
        log: (0..30)
            .map(|n| format!("2026-01-01T10:00:{n:02}Z actor-1 WARN x: line {n}"))
            .collect(),
        ..StatusReply::default()
    }
}

fn screen(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(usize::from(width));
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

fn press(model: &mut Model, code: KeyCode) -> Flow {
    model.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

#[test]
fn a_small_terminal_shows_all_that_matters() {
    let mut model = Model::default();
    model.take(status(3));
    let shown = screen(&model, 80, 24);
    for expected in [
        "quickstart on point-robot   training   up 1 min 04 s",
        "20,000 of 80,000 env steps, 25 %, 1 min 00 s left",
        "limit    learner: collection waits for updates; a faster device would help",
        "█ held back 90 %",
        "updating 80 %",
        "actors: 2 alive of 3",
        "test 17   -6.50   ▁▅█",
        "10:00:29Z actor-1 WARN x: line 29",
        "q leave",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not on\n{shown}");
    }
    assert!(!shown.contains("(last 15 s"), "the bars tell that:\n{shown}");
}

#[test]
fn keys_scroll_hold_and_leave() {
    let mut model = Model::default();
    model.take(status(300));
    assert!(!screen(&model, 100, 30).contains("299 300 "));
    press(&mut model, KeyCode::End);
    assert!(screen(&model, 100, 30).contains("299 300 "));
    press(&mut model, KeyCode::Left);
    press(&mut model, KeyCode::End);
    assert!(screen(&model, 100, 30).contains("line 0"));

    press(&mut model, KeyCode::Char('p'));
    model.take(status(2));
    assert!(screen(&model, 100, 30).contains("held: p goes on"));
    assert_eq!(model.status().unwrap().actors.len(), 300);
    press(&mut model, KeyCode::Char('p'));
    model.take(status(2));
    assert_eq!(model.status().unwrap().actors.len(), 2);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Flow::Leave);
}

#[test]
fn any_size_and_any_picture_can_be_drawn() {
    for (width, height) in [(1, 1), (20, 5), (80, 10), (300, 100)] {
        let mut model = Model::default();
        screen(&model, width, height);
        model.take(StatusReply::default());
        screen(&model, width, height);
        let mut odd = status(2);
        odd.env_steps_per_s = f64::NAN;
        odd.tasks[0].returns = vec![f64::NAN, f64::INFINITY, 1.0];
        model.take(odd);
        screen(&model, width, height);
    }
}
