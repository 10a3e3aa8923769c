//! `coordinator serve`.

use super::Failure;
use super::options::Serve;
use super::session::{Members, Session, TICK, block_on};
use anyhow::Context as _;
use runtime::Stop;
use std::time::Duration;
use tokio::time::Instant;

/// How long members that are elsewhere get to leave.
const GRACE: Duration = Duration::from_secs(10);

pub(super) fn execute(options: &Serve) -> Result<(), Failure> {
    let Some((experiment, past)) = options.common.begin(None)? else {
        return Ok(());
    };
    let learner_timeout = Duration::from_secs(options.learner_timeout);
    let members = Members::Elsewhere { learner_timeout };
    block_on(async {
        let stop = Stop::on_signals().context("listen to signals").map_err(Failure::run)?;
        let resumed = past.is_some();
        let mut session = Session::start(&options.common, experiment, past, members).await?;
        let address = &session.address;
        let known = session.handle.status();
        let there = known.actors.iter().filter(|actor| actor.alive).count();
        if resumed {
            session.view.say(&format!("continuing; {there} actors were there before"));
        }
        session.view.say(&format!(
            "waiting for a learner (learner run --coordinator {address} --run-dir {}) and actors \
             (actor run --coordinator {address})",
            session.run.path().display()
        ));
        let failure = follow(&mut session, &stop).await;
        session.finish(failure, Vec::new()).await
    })
}

/// Until the run is over and its members have left, or have had their time.
async fn follow(session: &mut Session, stop: &Stop) -> Option<anyhow::Error> {
    let mut ticks = tokio::time::interval(TICK);
    let mut deadline: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if let Err(Failure::Run(error) | Failure::Usage(error)) = session.tick() {
                    return Some(error);
                }
            }
            () = stop.cancelled(), if !session.handle.is_stopping() => session.handle.stop(),
            () = session.handle.stopping(), if deadline.is_none() => {
                deadline = Some(Instant::now() + GRACE);
            }
        }
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if session.handle.all_have_left() || late {
            let progress = session.handle.progress();
            let failed = progress.phase == "failed";
            return failed.then(|| anyhow::anyhow!("the learner failed: {}", progress.failure));
        }
    }
}
