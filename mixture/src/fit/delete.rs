//! Deletes: the rows of a small component go to whichever others explain them best.

use super::{Fit, Step, holds, look_at_all};

/// So many of the smallest components are tried in a lap. Each takes a look at all rows.
const TRIES: usize = 3;

impl Fit<'_> {
    /// Tries to do without each of the smallest components.
    pub(super) fn delete(&mut self) -> Result<(), crate::Error> {
        let mut spared = 0;
        for _ in 0..TRIES {
            if self.total.len() == 1 {
                return Ok(());
            }
            let Some(gone) = self.by_size(spared) else { return Ok(()) };
            let accepted = self.do_without(gone)?;
            self.report.deletes.count(accepted);
            spared += usize::from(!accepted);
        }
        Ok(())
    }

    /// The component of which `smaller` others are smaller.
    fn by_size(&self, smaller: usize) -> Option<usize> {
        let mut order: Vec<usize> = (0..self.total.len()).collect();
        order.sort_by(|&a, &b| self.total[a].count.total_cmp(&self.total[b].count));
        order.get(smaller).copied()
    }

    /// Looks at all rows without `gone`; keeps what comes of it if the bound does not fall.
    fn do_without(&mut self, gone: usize) -> Result<bool, crate::Error> {
        let mut others = self.total.clone();
        others.remove(gone);
        let memo = look_at_all(&self.rows, &self.prior.posterior(&others)?);
        let accepted = holds(self.prior.bound(&memo.total()), self.bound);
        if accepted {
            self.memo = memo;
            self.remember(Step::Delete { gone });
        }
        Ok(accepted)
    }
}
