//! Makes faults happen, ends them, and waits until the run goes on.

use super::garbage;
use super::plan::{Between, Fault, Who};
use super::watch::{Watch, living};
use super::world::World;
use crate::process::Signal;
use proto::v1::{ActorStatus, StatusReply};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Until training goes on after the learner was away.
const LEARNER_BACK: Duration = Duration::from_secs(15);
/// Until there is an answer after the coordinator was away.
const COORDINATOR_BACK: Duration = Duration::from_secs(5);
/// Until an actor gets something done again.
const ACTOR_BACK: Duration = Duration::from_secs(10);
/// Until a large enough piece has passed to be damaged.
const DAMAGED: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(20);
/// Longer than the silence that means death.
const LONGER_THAN_DEATH: Duration = Duration::from_secs(5);

/// What came of a fault.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The run goes on.
    Recovered {
        /// How long after the end of the fault.
        after_s: f64,
    },
    /// The run does not go on.
    Stuck {
        /// Who should have.
        who: String,
        /// Within what time.
        limit_s: f64,
    },
    /// It could not be done here.
    Skipped {
        /// Why.
        why: String,
    },
}

/// Where everybody stood at the end of a fault.
#[derive(Debug, Default)]
struct Mark {
    actors: BTreeMap<u32, Working>,
    updates: u64,
    env_steps: u64,
}

/// How far one life of an actor has come.
#[derive(Debug, Clone, Copy)]
struct Working {
    incarnation: u64,
    done: u64,
}

impl Working {
    fn of(actor: &ActorStatus) -> Option<(u32, Self)> {
        let (key, stats) = (actor.actor?, actor.stats?);
        let done = stats.transitions_acknowledged + stats.trials_done;
        Some((key.actor, Self { incarnation: key.incarnation, done }))
    }
}

impl Mark {
    fn of(status: &StatusReply) -> Self {
        let learner = status.learner.clone().unwrap_or_default();
        Self {
            actors: status.actors.iter().filter_map(Working::of).collect(),
            updates: learner.updates,
            env_steps: learner.env_steps,
        }
    }

    /// Whether the actor in `place` has got something done since.
    fn works(&self, status: &StatusReply, place: u32) -> bool {
        let now = living(status, place).and_then(Working::of);
        now.is_some_and(|(_, now)| match self.actors.get(&place) {
            Some(before) if before.incarnation == now.incarnation => now.done > before.done,
            _ => now.done > 0,
        })
    }

    /// Whether the learner has got something done since. One that was killed starts again from
    /// where its checkpoint was: the lowest counts are what it must exceed.
    fn trains(&mut self, status: &StatusReply) -> bool {
        let Some(learner) = status.learner.as_ref().filter(|it| is_at_work(&it.phase)) else {
            return false;
        };
        self.updates = self.updates.min(learner.updates);
        self.env_steps = self.env_steps.min(learner.env_steps);
        learner.updates > self.updates || learner.env_steps > self.env_steps
    }
}

fn is_at_work(phase: &str) -> bool {
    matches!(phase, "collecting" | "training" | "evaluating")
}

/// Makes `fault` happen to `world`, ends it, and waits until the run goes on.
///
/// # Errors
/// If the machine does not do what it should: a program cannot be started, say.
pub async fn happen(fault: Fault, world: &World, watch: &Watch) -> anyhow::Result<Outcome> {
    match fault {
        Fault::Kill { who, away } => kill(who, away, world, watch).await,
        Fault::KillBoth { away } => kill_both(away, world, watch).await,
        Fault::Pause { who, time } => pause(who, time, world, watch).await,
        Fault::Silence { link, time } => {
            world.network().silence(link);
            Ok(mend(link, time, world, watch).await)
        }
        Fault::Cut { link, time } => {
            world.network().cut(link);
            Ok(mend(link, time, world, watch).await)
        }
        Fault::Delay { link, by, time } => {
            world.network().delay(link, by);
            Ok(mend(link, time, world, watch).await)
        }
        Fault::Corrupt { actor } => Ok(corrupt(actor, world, watch).await),
        Fault::Garbage { messages } => {
            let taken = garbage::send(world.learner(), messages).await?;
            taken.into_iter().for_each(|what| watch.note(what));
            Ok(goes_on(Who::Learner, Mark::of(&watch.status().await), watch).await)
        }
        Fault::FullDisk { time } => full_disk(time, world, watch).await,
        Fault::ClockJump { who, seconds } => clock_jump(who, seconds, world, watch).await,
    }
}

async fn kill(who: Who, away: Duration, world: &World, watch: &Watch) -> anyhow::Result<Outcome> {
    let before = Mark::of(&watch.status().await);
    if who == Who::Learner {
        watch.learner_is_killed();
    }
    world.kill(who)?;
    sleep(away).await;
    // What was on its way to the coordinator when the process died has arrived by now.
    let mark = match who {
        Who::Coordinator => before,
        _ => Mark::of(&watch.status().await),
    };
    world.launch(who)?;
    Ok(goes_on(who, mark, watch).await)
}

async fn kill_both(away: Duration, world: &World, watch: &Watch) -> anyhow::Result<Outcome> {
    let mark = Mark::of(&watch.status().await);
    watch.learner_is_killed();
    world.kill(Who::Coordinator)?;
    world.kill(Who::Learner)?;
    sleep(away).await;
    world.launch(Who::Coordinator)?;
    world.launch(Who::Learner)?;
    Ok(goes_on(Who::Learner, mark, watch).await)
}

async fn pause(who: Who, time: Duration, world: &World, watch: &Watch) -> anyhow::Result<Outcome> {
    let mark = Mark::of(&watch.status().await);
    world.signal(who, Signal::Stop)?;
    sleep(time).await;
    world.signal(who, Signal::Continue)?;
    Ok(goes_on(who, mark, watch).await)
}

async fn mend(link: Between, time: Duration, world: &World, watch: &Watch) -> Outcome {
    sleep(time).await;
    let mark = Mark::of(&watch.status().await);
    world.network().mend(link);
    let who = match link {
        Between::ActorLearner(place) | Between::ActorCoordinator(place) => Who::Actor(place),
        Between::LearnerCoordinator => Who::Learner,
    };
    goes_on(who, mark, watch).await
}

async fn corrupt(actor: u32, world: &World, watch: &Watch) -> Outcome {
    world.network().damage(actor);
    let began = Instant::now();
    while world.network().will_damage(actor) {
        if began.elapsed() > DAMAGED {
            return stuck(Who::Actor(actor), DAMAGED);
        }
        sleep(GLANCE).await;
    }
    goes_on(Who::Actor(actor), Mark::of(&watch.status().await), watch).await
}

async fn full_disk(time: Duration, world: &World, watch: &Watch) -> anyhow::Result<Outcome> {
    match world.with_disk(|disk| disk.fill()) {
        Err(why) => return Ok(Outcome::Skipped { why: format!("no small disk: {why}") }),
        Ok(filled) => filled?,
    }
    sleep(time).await;
    let mark = Mark::of(&watch.status().await);
    world.with_disk(|disk| disk.free()).map_err(anyhow::Error::msg)??;
    Ok(goes_on(Who::Learner, mark, watch).await)
}

/// Nobody decides anything by the wall clock: nobody may die of it.
async fn clock_jump(
    who: Who,
    seconds: i64,
    world: &World,
    watch: &Watch,
) -> anyhow::Result<Outcome> {
    let clocks = match world.clocks() {
        Ok(clocks) => clocks,
        Err(why) => return Ok(Outcome::Skipped { why }),
    };
    let before = Mark::of(&watch.status().await);
    clocks.jump(who, seconds)?;
    sleep(LONGER_THAN_DEATH).await;
    let after = Mark::of(&watch.status().await);
    for (place, life) in &before.actors {
        let now = after.actors.get(place).map(|now| now.incarnation);
        if now != Some(life.incarnation) {
            let from = life.incarnation;
            watch.note(format!(
                "a jump of the wall clock of the {who} cost actor {place} its life: incarnation \
                 {from} became {now:?}"
            ));
        }
    }
    Ok(goes_on(who, after, watch).await)
}

/// Waits until `who` has got something done since `mark`.
async fn goes_on(who: Who, mut mark: Mark, watch: &Watch) -> Outcome {
    let (limit, found) = match who {
        Who::Actor(place) => {
            (ACTOR_BACK, watch.until(ACTOR_BACK, |status| mark.works(status, place)).await)
        }
        Who::Learner => (LEARNER_BACK, watch.until(LEARNER_BACK, |it| mark.trains(it)).await),
        Who::Coordinator => {
            let everybody = mark.actors.len();
            let back = |status: &StatusReply| {
                let alive = status.actors.iter().filter(|actor| actor.alive).count();
                alive >= everybody && mark.trains(status)
            };
            (COORDINATOR_BACK, watch.until(COORDINATOR_BACK, back).await)
        }
    };
    match found {
        Some(after) => Outcome::Recovered { after_s: after.as_secs_f64() },
        None => stuck(who, limit),
    }
}

fn stuck(who: Who, limit: Duration) -> Outcome {
    Outcome::Stuck { who: who.to_string(), limit_s: limit.as_secs_f64() }
}
