//! What a rendered folder says of itself: which run it is, and where that goes.

use serde::Deserialize;

/// The run in a rendered folder. What is made for it outside of the folder (its secrets) has to carry
/// these names, whatever else is said on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name of the run in the cluster.
    pub name: String,
    /// Its namespace; the current one without.
    pub namespace: Option<String>,
}

/// A `kustomization.yaml` that was not rendered here, or was changed too much.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// Something is not there, or in another form.
    #[error("expected a kustomization with metadata.name, as `coordinator render` makes it: {0}")]
    Form(#[from] serde_norway::Error),
    /// It is not what was asked for.
    #[error(
        "{option}: expected {rendered}, with which the folder was rendered, got {got}; render it \
         again for another one"
    )]
    Other {
        /// Which option.
        option: &'static str,
        /// What is in the folder.
        rendered: String,
        /// What was asked for.
        got: String,
    },
}

/// The part of a kustomization that is looked at.
#[derive(Deserialize)]
struct Kustomization {
    metadata: Metadata,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

impl Identity {
    /// Reads it from the text of a `kustomization.yaml`.
    ///
    /// # Errors
    /// [`InvalidIdentity::Form`].
    pub fn read(kustomization: &str) -> Result<Self, InvalidIdentity> {
        let Kustomization { metadata, namespace } = serde_norway::from_str(kustomization)?;
        Ok(Self { name: metadata.name, namespace })
    }

    /// Holds it against what a user has asked for, if anything.
    ///
    /// # Errors
    /// [`InvalidIdentity::Other`].
    pub fn check(
        &self,
        name: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<(), InvalidIdentity> {
        let options = [
            ("--name", Some(self.name.as_str()), name),
            ("--namespace", self.namespace.as_deref(), namespace),
        ];
        for (option, rendered, wanted) in options {
            if let Some(got) = wanted.filter(|wanted| rendered != Some(wanted)) {
                let rendered = rendered.unwrap_or("none").to_owned();
                return Err(InvalidIdentity::Other { option, rendered, got: got.to_owned() });
            }
        }
        Ok(())
    }
}
