//! `coordinator train`.

use super::Failure;
use super::options::Train;
use super::resume;
use super::session::{Members, Session, TICK, block_on};
use crate::launch::{Error, Fleet, Member, Plan, Saved};
use anyhow::Context as _;
use runtime::Stop;
use std::time::Duration;
use tokio::time::Instant;

/// From the first word of stopping to the end of patience.
const GRACE: Duration = Duration::from_secs(10);
/// What actors get once the learner has gone: they can hand over nothing more.
const WITHOUT_LEARNER: Duration = Duration::from_secs(2);

pub(super) fn execute(options: &Train) -> Result<(), Failure> {
    let Some((experiment, past)) = options.common.begin(options.actors)? else {
        return Ok(());
    };
    block_on(async {
        let stop = Stop::on_signals().context("listen to signals").map_err(Failure::run)?;
        let actors = experiment.actors.count;
        let learner = experiment.network.learner.clone();
        let learner_saved = match &past {
            None => Saved::Nothing,
            Some(past) => {
                resume::learner_gone(past).await?;
                Saved::ByEarlierLife
            }
        };
        let mut session = Session::start(&options.common, experiment, past, Members::Here).await?;
        let plan = Plan {
            coordinator: session.address.clone(),
            actors,
            learner,
            credentials: options.common.credentials.clone(),
            exposure: options.common.exposure(),
            advertise: options.common.advertise.clone(),
            learner_saved,
            run_dir: session.run.path().to_owned(),
            logs: session.run.logs(),
        };
        let (failure, killed) = match Fleet::start(&plan, &session.handle) {
            Ok(mut fleet) => (follow(&mut session, &mut fleet, &stop).await, fleet.killed()),
            Err(error) => (Some(error.into()), Vec::new()),
        };
        session.finish(failure, killed).await
    })
}

/// Until every process has ended, or patience has. Gives the first thing that went wrong.
async fn follow(session: &mut Session, fleet: &mut Fleet, stop: &Stop) -> Option<anyhow::Error> {
    let mut ticks = tokio::time::interval(TICK);
    let mut failure = None;
    let mut deadline: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if let Err(Failure::Run(error) | Failure::Usage(error)) = session.tick() {
                    failure.get_or_insert(error);
                    session.handle.stop();
                }
            }
            ended = fleet.ended() => match ended {
                None => return failure,
                Some(ended) => {
                    let limit = note_end(ended, &mut failure);
                    session.handle.stop();
                    deadline = limit.or(deadline);
                }
            },
            () = stop.cancelled(), if !session.handle.is_stopping() => {
                session.view.say("stopping: actors hand over, the learner writes a checkpoint");
                session.handle.stop();
            }
            () = session.handle.stopping(), if deadline.is_none() => {
                deadline = Some(Instant::now() + GRACE);
            }
            () = until(deadline) => {
                tracing::warn!("the grace period is over; killing what still runs");
                deadline = Some(Instant::now() + GRACE);
                fleet.kill();
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Remembers what went wrong; a new end of patience if the learner has gone.
fn note_end(ended: Result<Member, Error>, failure: &mut Option<anyhow::Error>) -> Option<Instant> {
    let learner_gone = match ended {
        Ok(member) => member == Member::Learner,
        Err(error) => {
            let of_learner = matches!(
                error,
                Error::LearnerDied { .. }
                    | Error::LearnerCrashLoop { .. }
                    | Error::LearnerFailed { .. }
                    | Error::LearnerKilled { .. }
            );
            tracing::error!("{error}");
            failure.get_or_insert(error.into());
            of_learner
        }
    };
    learner_gone.then(|| Instant::now() + WITHOUT_LEARNER)
}
