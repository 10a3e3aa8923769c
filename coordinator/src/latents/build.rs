//! From what the learner reports to moments with clusters.

use super::clusters::Clusters;
use super::{About, Error, Latents, Moment};
use proto::v1::{Belief, Evaluation, TaskScore};
use types::experiment::Posterior;
use types::{FamilySpec, Split, Task, TaskRef};

impl Latents {
    /// The beliefs of `evaluation`, divided into clusters; `None` if it tells of none.
    ///
    /// # Errors
    /// A task that the family does not have; beliefs that no mixture can be fitted to.
    pub fn of(
        evaluation: &Evaluation,
        family: &FamilySpec,
        posterior: &Posterior,
    ) -> Result<Option<Self>, Error> {
        let tasks = Tasks { family, number: evaluation.number };
        let mut moments = Vec::new();
        for score in &evaluation.tasks {
            tasks.add(score, &mut moments)?;
        }
        let Some(first) = moments.first() else {
            return Ok(None);
        };
        let names = family.train.first().or(family.test.first());
        let names = names.map(|task| task.parameters.iter().map(|p| p.name.clone()).collect());
        let about = About {
            number: evaluation.number,
            env_steps: evaluation.env_steps,
            updates: evaluation.updates,
            version: evaluation.version,
            family: family.name.clone(),
            parameters: names.unwrap_or_default(),
            latent: first.mean.len(),
        };
        moments.sort_by_key(|moment| (moment.task, moment.episode, moment.step));
        let clusters = Clusters::find(evaluation, posterior, &mut moments)?;
        Ok(Some(Self { about, moments, clusters }))
    }
}

/// The tasks of a family, for one evaluation.
struct Tasks<'a> {
    family: &'a FamilySpec,
    number: u64,
}

impl<'a> Tasks<'a> {
    fn add(&self, score: &TaskScore, moments: &mut Vec<Moment>) -> Result<(), Error> {
        let wire = score.task.unwrap_or_default();
        let split = if wire.split == 1 { Split::Train } else { Split::Test };
        let task = TaskRef { split, index: wire.index };
        let last = score.episodes.iter().rposition(|episode| !episode.beliefs.is_empty());
        for (number, episode) in (0u32..).zip(&score.episodes) {
            let is_last = last.is_some_and(|last| last == number as usize);
            let length = episode.beliefs.iter().map(|belief| belief.step).max().unwrap_or(0);
            for belief in &episode.beliefs {
                let in_force = self.find(TaskRef { split, index: belief.task })?;
                let scored = is_last && is_informed(belief.step, length);
                let moment = moment(belief, in_force);
                moments.push(Moment { task, episode: number, scored, ..moment });
            }
        }
        Ok(())
    }

    fn find(&self, task: TaskRef) -> Result<&'a Task, Error> {
        let list = match task.split {
            Split::Train => &self.family.train,
            Split::Test => &self.family.test,
        };
        list.get(task.index as usize).ok_or_else(|| Error::UnknownTask {
            number: self.number,
            family: self.family.name.clone(),
            task,
        })
    }
}

/// After the first quarter of an episode of `length` steps.
fn is_informed(step: u32, length: u32) -> bool {
    u64::from(step) * 4 >= u64::from(length)
}

/// Not yet told: whose trial it is, which episode, which cluster.
fn moment(belief: &Belief, in_force: &Task) -> Moment {
    Moment {
        task: in_force.id,
        in_force: in_force.id,
        parameters: in_force.parameters.iter().map(|parameter| parameter.value).collect(),
        base_task: in_force.base_task(),
        episode: 0,
        step: belief.step,
        scored: false,
        mean: belief.mean.clone(),
        variance: belief.variance.clone(),
        component: belief.component,
        cluster: 0,
    }
}
