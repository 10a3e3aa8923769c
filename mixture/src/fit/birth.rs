//! Births: a component is split into fresh ones (Hughes and Sudderth 2013, section 4.1).

use rand::Rng;

use super::look::{Sight, Watch};
use super::memo::{expanded, sum};
use super::split::Split;
use super::{Fit, Step, rises};
use crate::Error;
use crate::statistics::Moments;

impl Fit<'_> {
    /// Components that are large enough for a birth.
    pub(super) fn birth_targets(&self) -> Vec<usize> {
        let components = self.total.iter().enumerate();
        components
            .filter(|(_, m)| m.count >= self.settings.fewest_in_target)
            .map(|(k, _)| k)
            .collect()
    }

    /// Splits the targets of `watch` whose split raises the bound, one after the other.
    pub(super) fn give_birth(
        &mut self,
        watch: &Watch,
        sights: &[Sight],
        rng: &mut impl Rng,
    ) -> Result<(), Error> {
        for (index, target) in watch.targets.iter().enumerate() {
            let room = (self.settings.most_components + 1).saturating_sub(self.memo.components());
            let fresh = self.settings.fresh.min(room);
            let Some(target) = *target else { continue };
            if fresh >= 2 {
                let parts = sights.iter().map(|sight| &sight.parts[index]);
                let split = Split::new(&self.rows, &self.prior, &self.total, target, parts);
                let proposal = split.propose(fresh, self.settings.fewest_in_fresh, rng)?;
                self.judge_birth(target, proposal);
            }
        }
        Ok(())
    }

    /// Takes `proposal`, `[batches][fresh components]`, for `target` if the bound rises.
    fn judge_birth(&mut self, target: usize, proposal: Option<Vec<Vec<Moments>>>) {
        let proposal = proposal.filter(|fresh| {
            let fresh = sum(fresh);
            let expanded = expanded(&self.total, target, fresh);
            rises(self.prior.bound(&expanded), self.bound)
        });
        self.report.births.count(proposal.is_some());
        if let Some(fresh) = proposal {
            let count = fresh.first().map_or(0, Vec::len);
            self.memo.split(target, fresh);
            self.remember(Step::Birth { target, fresh: count });
        }
    }
}
