//! What a process is in a run, as its certificate says.

use rustls::pki_types::CertificateDer;
use std::fmt;
use webpki::EndEntityCert;

/// What a process is in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Serves the control plane.
    Coordinator,
    /// Trains; serves experience and weights.
    Learner,
    /// Collects.
    Actor,
    /// A person with a command line: asks for the status, ends the run.
    User,
}

/// The name of an identity starts with this.
const SCHEME: &str = "spiffe://proteus/";

impl Role {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Coordinator, Self::Learner, Self::Actor, Self::User];

    /// As written in a certificate and on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Learner => "learner",
            Self::Actor => "actor",
            Self::User => "user",
        }
    }

    /// The identity that stands in the certificate of the process `name` with this role, as a URI
    /// in its subject alternative names: `spiffe://proteus/<role>/<name>`.
    #[must_use]
    pub fn identity(self, name: &str) -> String {
        format!("{SCHEME}{}/{name}", self.name())
    }

    /// Role of an identity.
    fn of_identity(uri: &str) -> Option<Self> {
        let (role, name) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        Self::ALL.into_iter().find(|known| known.name() == role && !name.is_empty())
    }

    /// Role of whoever holds this certificate: the one role that its identities name.
    ///
    /// # Errors
    /// A text that says what is there instead.
    pub(crate) fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let parsed = EndEntityCert::try_from(certificate);
        let parsed =
            parsed.map_err(|error| format!("a certificate that cannot be read: {error}"))?;
        let uris: Vec<&str> = parsed.valid_uri_names().collect();
        let mut roles = uris.iter().filter_map(|uri| Self::of_identity(uri));
        match (roles.next(), roles.next()) {
            (Some(role), None) => Ok(role),
            (None, _) => Err(format!("a certificate without a role (identities: {uris:?})")),
            (Some(_), Some(_)) => Err(format!("a certificate with several roles ({uris:?})")),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_names_its_role_and_nothing_else_does() {
        for role in Role::ALL {
            assert_eq!(Role::of_identity(&role.identity("n-1")), Some(role));
        }
        let others = [
            "spiffe://proteus/actor",
            "spiffe://proteus/actor/",
            "spiffe://proteus/learners/a",
            "spiffe://other/actor/a",
            "https://proteus/actor/a",
            "",
        ];
        for other in others {
            assert_eq!(Role::of_identity(other), None, "{other}");
        }
    }
}
