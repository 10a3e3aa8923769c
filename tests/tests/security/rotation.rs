//! Certificates and tokens change while everything runs.

use crate::support::{Learner, Secrets, Steady, push};
use coordinator::certs::{Validity, rotate_token};
use proto::tonic::Code;
use proto::{Credentials, Role};
use std::time::{Duration, Instant};

/// Tries until it works: files are looked at every few seconds.
async fn until_accepted(address: &str, credentials: &Credentials) {
    let start = Instant::now();
    while let Err(status) = push(address, credentials).await {
        assert!(start.elapsed() < Duration::from_secs(20), "{status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_new_token_is_used_at_once_and_the_old_one_for_a_while() {
    let secrets = Secrets::new();
    let old_token = secrets.path().join("old-token");
    std::fs::copy(secrets.token(), &old_token).unwrap();
    let learner = Learner::start(secrets.of(Role::Learner)).await;
    let tls = Some(secrets.path());
    let behind = Credentials::open(Role::Actor, tls, Some(&old_token)).unwrap();
    let mut steady = Steady::open(&learner, &behind).await;
    steady.send().await;

    rotate_token(&secrets.token()).unwrap();
    // The learner meets the new token before it looks at the file by itself, and is not put off.
    let ahead = Credentials::open(Role::Actor, tls, Some(&secrets.token())).unwrap();
    until_accepted(&learner.address, &ahead).await;
    push(&learner.address, &behind).await.unwrap();
    steady.send().await;
    // Two rotations later it is no longer in the file, but in the time of grace.
    rotate_token(&secrets.token()).unwrap();
    let text = std::fs::read_to_string(secrets.token()).unwrap();
    assert!(!text.contains(std::fs::read_to_string(&old_token).unwrap().trim()));
    until_accepted(
        &learner.address,
        &Credentials::open(Role::Actor, tls, Some(&secrets.token())).unwrap(),
    )
    .await;
    push(&learner.address, &behind).await.unwrap();
    steady.send().await;
}

#[tokio::test]
async fn a_new_authority_takes_over_while_an_open_stream_goes_on() {
    let (secrets, next) = (Secrets::new(), Secrets::new());
    std::fs::copy(secrets.token(), next.token()).unwrap();
    let learner = Learner::start(secrets.of(Role::Learner)).await;
    let follower = secrets.of(Role::Actor);
    let mut steady = Steady::open(&learner, &follower).await;
    steady.send().await;
    push(&learner.address, &follower).await.unwrap();

    // Half of a change is no change: a key that does not fit its certificate is not taken.
    let place = secrets.path().join("learner");
    std::fs::copy(next.path().join("learner/key.pem"), place.join("key.pem")).unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    push(&learner.address, &follower).await.unwrap();

    for role in ["learner", "actor"] {
        for file in ["key.pem", "cert.pem", "ca.pem"] {
            let from = next.path().join(role).join(file);
            std::fs::copy(from, secrets.path().join(role).join(file)).unwrap();
        }
    }
    until_accepted(&learner.address, &next.of(Role::Actor)).await;
    until_accepted(&learner.address, &follower).await;
    steady.send().await;
    // Certificates of the old authority are worth nothing any more.
    let folder = secrets.issue(Role::Actor, Validity::days(1), "late");
    let token = secrets.token();
    let late = Credentials::open(Role::Actor, Some(&folder), Some(&token)).unwrap();
    assert_eq!(push(&learner.address, &late).await.unwrap_err().code(), Code::Unavailable);
    steady.send().await;
}
