//! Who may call what.

use crate::credentials::Role;

/// The roles that may make the call with this path, if certificates say who has which.
pub(super) fn callers(path: &str) -> &'static [Role] {
    let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.split_once('/'))
    else {
        return &[];
    };
    match (service, method) {
        ("proteus.v1.Control", "Register" | "Heartbeat" | "Lease" | "Report")
        | ("proteus.v1.Experience", "Push")
        | ("proteus.v1.Weights", "Follow") => &[Role::Actor],
        ("proteus.v1.Control", "RegisterLearner" | "Submit" | "Outcomes" | "Progress") => {
            &[Role::Learner]
        }
        ("proteus.v1.Control", "Stop") => &[Role::Coordinator, Role::User],
        ("proteus.v1.Control", "Status") | ("grpc.health.v1.Health", _) => &Role::ALL,
        _ => &[],
    }
}

/// Whether the first message may be long in coming.
pub(super) fn may_stay_silent(path: &str) -> bool {
    path == "/proteus.v1.Experience/Push"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that is added to a service needs a line above, or nobody may make it.
    #[test]
    fn every_call_of_every_service_has_callers_and_no_other_has() {
        let files = [
            ("Control", include_str!("../../proto/proteus/v1/control.proto")),
            ("Experience", include_str!("../../proto/proteus/v1/experience.proto")),
            ("Weights", include_str!("../../proto/proteus/v1/weights.proto")),
        ];
        for (service, text) in files {
            assert!(text.contains(&format!("service {service} {{")), "{service}");
            let calls = text.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
            let names: Vec<&str> = calls.filter_map(|call| call.split('(').next()).collect();
            assert!(!names.is_empty());
            for name in names {
                assert!(!callers(&format!("/proteus.v1.{service}/{name}")).is_empty(), "{name}");
            }
        }
        for other in ["", "/", "/proteus.v1.Control/", "/proteus.v1.Control/Shutdown", "Push"] {
            assert!(callers(other).is_empty(), "{other}");
        }
    }
}
