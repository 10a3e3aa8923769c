//! What is done about the end of a process.

use super::child::{Child, Program, Reaper};
use super::{Error, Member, RESUME, Respawn, Verdict};
use crate::learner::HUNG;
use crate::server::Handle;
use std::process::ExitStatus;
use std::time::Duration;
use types::ActorId;

/// The learner is started again, with what it has saved, until several lives in a row have come no
/// further. One that ends with an error before anything has come of it is not: its configuration
/// or its machine is wrong, and the user wants to know.
pub(super) async fn learner(
    mut program: Program,
    handle: Handle,
    reaper: Reaper,
) -> Result<Member, Error> {
    let mut respawn = Respawn::new(u64::MAX);
    let mut first = true;
    loop {
        let mut child = Child::start(&program)?;
        let pid = child.pid();
        let (status, killed) = learner_life(&mut child, &handle, &reaper).await?;
        let progress = handle.progress();
        if progress.phase == "failed" {
            return Err(Error::LearnerFailed { why: progress.failure });
        }
        let (tail, log) = (child.tail(), program.log.clone());
        if killed {
            return Err(Error::LearnerKilled { tail, log });
        }
        let over = handle.is_stopping() || reaper.token.is_cancelled();
        if over && (status.success() || reaper.token.is_cancelled()) {
            return Ok(Member::Learner);
        }
        let why = status.to_string();
        let achieved = handle.learner_achieved();
        let wrong = first && achieved == 0 && status.code().is_some_and(|code| code != 0);
        if over || wrong {
            return Err(Error::LearnerDied { status: why, tail, log });
        }
        handle.learner_ended(pid, why.clone());
        match respawn.died(achieved) {
            Verdict::GiveUp { deaths } => {
                return Err(Error::LearnerCrashLoop { deaths, status: why, tail, log });
            }
            Verdict::StartAgain { delay } => {
                tracing::warn!(status = why, ?delay, "learner died; starting it again");
                if over_before(delay, &handle, &reaper).await {
                    return Ok(Member::Learner);
                }
            }
        }
        if !program.arguments.iter().any(|argument| argument == RESUME) {
            program.arguments.push(RESUME.into());
        }
        first = false;
    }
}

/// Until the process ends; one that hangs is killed. Whether it was killed because the run is over
/// is the second answer.
async fn learner_life(
    child: &mut Child,
    handle: &Handle,
    reaper: &Reaper,
) -> Result<(ExitStatus, bool), Error> {
    let pid = child.pid();
    let own = Reaper { token: reaper.token.child_token(), ..Reaper::default() };
    let (status, killed) = tokio::select! {
        ended = child.wait(reaper) => return ended,
        () = handle.learner_silent(pid, HUNG) => {
            tracing::warn!(pid, silent = ?HUNG, "the learner does not answer; killing it");
            own.token.cancel();
            child.wait(&own).await?
        }
    };
    Ok((status, killed && reaper.token.is_cancelled()))
}

/// An actor is started again, later and later, until several lives in a row have been of no use.
pub(super) async fn actor(
    place: u32,
    program: Program,
    handle: Handle,
    reaper: Reaper,
) -> Result<Member, Error> {
    let mut respawn = Respawn::new(place.into());
    loop {
        let mut child = Child::start(&program)?;
        let pid = child.pid();
        let status = actor_life(place, &mut child, &handle, &reaper).await?;
        let achieved = handle.process_ended(ActorId(place), pid);
        if handle.is_stopping() || reaper.token.is_cancelled() {
            return Ok(Member::Actor(place));
        }
        match respawn.died(achieved) {
            Verdict::GiveUp { deaths } => {
                return Err(Error::CrashLoop {
                    actor: place,
                    deaths,
                    status: status.to_string(),
                    tail: child.tail(),
                    log: program.log,
                });
            }
            Verdict::StartAgain { delay } => {
                tracing::warn!(actor = place, %status, ?delay, "actor died; starting it again");
                if over_before(delay, &handle, &reaper).await {
                    return Ok(Member::Actor(place));
                }
            }
        }
    }
}

/// Until the process ends; one that is silent and stays so is killed.
async fn actor_life(
    place: u32,
    child: &mut Child,
    handle: &Handle,
    reaper: &Reaper,
) -> Result<ExitStatus, Error> {
    let pid = child.pid();
    let own = Reaper { token: reaper.token.child_token(), ..Reaper::default() };
    let (status, _) = tokio::select! {
        ended = child.wait(reaper) => ended?,
        () = handle.actor_frozen(ActorId(place), pid) => {
            tracing::warn!(actor = place, pid, "the actor does not come back; killing it");
            own.token.cancel();
            child.wait(&own).await?
        }
    };
    Ok(status)
}

/// Waits, unless the run ends meanwhile: then the answer is true.
async fn over_before(delay: Duration, handle: &Handle, reaper: &Reaper) -> bool {
    tokio::select! {
        () = tokio::time::sleep(delay) => false,
        () = handle.stopping() => true,
        () = reaper.token.cancelled() => true,
    }
}
