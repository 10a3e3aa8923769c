//! The health service of gRPC, as Kubernetes and load balancers ask it, on the real programs.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod launch;

use launch::*;
use proto::{Credentials, Role};
use std::process::{Child, Command};
use std::time::Duration;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Ended with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Whether a process at `port` says that it serves.
async fn serves(role: Role, port: u16) -> Option<bool> {
    let address = format!("127.0.0.1:{port}");
    let channel = proto::connect::connect(&address, role, &Credentials::none()).await.ok()?;
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(request).await.ok()?;
    Some(answer.into_inner().status() == ServingStatus::Serving)
}

#[test]
fn coordinator_and_learner_say_that_they_serve() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let addresses = [
        format!("network.coordinator=127.0.0.1:{}", ports[0]),
        format!("network.learner=127.0.0.1:{}", ports[1]),
    ];
    let mut train = coordinator(["train", "--actors", "0", "--quiet", "--run-dir"]);
    train.arg(folder.path().join("run")).args(small(&[&addresses[0], &addresses[1]]));
    let mut running = Running(train.spawn().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (role, port) in [(Role::Coordinator, ports[0]), (Role::Learner, ports[1])] {
        let serving = eventually("an answer about health", Duration::from_secs(60), || {
            assert!(running.0.try_wait().unwrap().is_none(), "the run has ended");
            runtime.block_on(serves(role, port))
        });
        assert!(serving, "{role}");
    }
    let pid = running.0.id().to_string();
    succeed(Command::new("kill").args(["-TERM", &pid]));
    assert!(running.0.wait().unwrap().success());
}
