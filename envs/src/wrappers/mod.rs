//! What can be put around any family: contexts of one's own, a task that changes within an episode,
//! and parameters of the task that the agent gets to see.

mod contexts;
mod non_stationary;
mod visible;

pub use contexts::Contextual;
pub use non_stationary::NonStationary;
pub use visible::Visible;

use crate::{Error, TaskFamily, find};
use types::{Environment, Gymnasium};

/// The family that an experiment asks for, with what it wants around it.
///
/// # Errors
/// [`Error::UnknownFamily`], what [`Contextual::new`] refuses, or [`Error::NoSuchParameter`] where a
/// parameter is to be seen that the family does not have; what keeps a Python environment from being
/// had. That a family cannot change within an episode ([`Error::NoSwitch`]) or with the place
/// ([`Error::NoPlace`]), and that a parameter cannot be seen ([`Error::Visible`]), shows when an
/// environment is [made](TaskFamily::make).
pub fn build(environment: &Environment) -> Result<Box<dyn TaskFamily>, Error> {
    let mut family = match &environment.gymnasium {
        Some(wanted) => python(wanted)?,
        None => Box::new(find(&environment.family)?),
    };
    if let Some(contexts) = &environment.contexts {
        family = Box::new(Contextual::new(family, contexts)?);
    }
    if let Some(change) = environment.change {
        let (name, summary) = (family.name(), family.summary());
        family = Box::new(NonStationary { name, summary, family, change });
    }
    if !environment.visible.is_empty() {
        family = Box::new(Visible::new(family, &environment.visible)?);
    }
    Ok(family)
}

#[cfg(feature = "gymnasium")]
fn python(wanted: &Gymnasium) -> Result<Box<dyn TaskFamily>, Error> {
    Ok(Box::new(crate::gymnasium::Gymnasium::load(wanted)?))
}

#[cfg(not(feature = "gymnasium"))]
fn python(_: &Gymnasium) -> Result<Box<dyn TaskFamily>, Error> {
    Err(Error::NoGymnasium)
}
