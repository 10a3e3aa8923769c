//! Wrong token, wrong certificate, none at all.

use crate::support::{Learner, Log, Secrets, Steady, causes, push};
use coordinator::certs::{Validity, create_token};
use coordinator::{Beginning, Server, Setup};
use proto::connect::connect;
use proto::tonic::Code;
use proto::{Credentials, Role, v1};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// So often does each one try.
const ATTEMPTS: usize = 5;

/// Lets somebody try at a learner with a well-behaved actor; `words` must be in the only warning.
async fn refused<F: Future<Output = ()>>(
    secrets: &Secrets,
    words: &[&str],
    attempt: impl Fn(String) -> F,
) {
    let log = Log::start();
    let learner = Learner::start(secrets.of(Role::Learner)).await;
    let mut steady = Steady::open(&learner, &secrets.of(Role::Actor)).await;
    for _ in 0..ATTEMPTS {
        steady.send().await;
        attempt(learner.address.clone()).await;
    }
    steady.send().await;
    assert_eq!(learner.store.stored(), 4 * (ATTEMPTS as u64 + 1), "nothing else is stored");
    log.expect_one(words);
}

/// A client of rustls that trusts `authority` and shows what is in `identity`, which our own client
/// would not even load.
fn client(authority: &Path, identity: Option<&Path>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(folder) => {
            let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// Connects and reads. What the server says of the certificate is the error.
async fn greet(address: &str, config: Arc<ClientConfig>) -> std::io::Result<u8> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(config).connect(name, stream).await?.read_u8().await
}

#[tokio::test]
async fn a_certificate_of_the_authority_is_greeted() {
    let secrets = Secrets::new();
    let learner = Learner::start(secrets.of(Role::Learner)).await;
    let good = client(secrets.path(), Some(&secrets.path().join("actor")));
    // The first byte of the server's settings.
    greet(&learner.address, good).await.unwrap();
}

#[tokio::test]
async fn no_certificate_is_refused() {
    let secrets = Secrets::new();
    let nobody = client(secrets.path(), None);
    refused(&secrets, &["Handshake", "no certificates"], |address| {
        let nobody = nobody.clone();
        async move {
            let error = greet(&address, nobody).await.unwrap_err();
            assert!(error.to_string().contains("CertificateRequired"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_tls_is_refused() {
    let secrets = Secrets::new();
    refused(&secrets, &["Handshake"], |address| async move {
        let status = push(&address, &Credentials::none()).await.unwrap_err();
        assert!(proto::error::is_transient(&status), "{}", causes(&status));
    })
    .await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused_by_others_and_at_home() {
    let secrets = Secrets::new();
    let now = OffsetDateTime::now_utc();
    let past = Validity { from: now - Duration::days(2), until: now - Duration::days(1) };
    let folder = secrets.issue(Role::Actor, past, "expired");
    let own = Credentials::open(Role::Actor, Some(&folder), None).unwrap_err().to_string();
    assert!(own.contains("expired") && own.contains("cert.pem"), "{own}");
    let expired = client(secrets.path(), Some(&folder));
    refused(&secrets, &["Handshake", "xpired"], |address| {
        let expired = expired.clone();
        async move {
            let error = greet(&address, expired).await.unwrap_err();
            assert!(error.to_string().contains("CertificateExpired"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_on_both_sides() {
    let (secrets, others) = (Secrets::new(), Secrets::new());
    let stranger = client(secrets.path(), Some(&others.path().join("actor")));
    refused(&secrets, &["Handshake"], |address| {
        let stranger = stranger.clone();
        async move {
            let error = greet(&address, stranger).await.unwrap_err();
            assert!(error.to_string().contains("alert"), "{error}");
        }
    })
    .await;
    let learner = Learner::start(secrets.of(Role::Learner)).await;
    let status = push(&learner.address, &others.of(Role::Actor)).await.unwrap_err();
    assert!(causes(&status).contains("its certificate is not accepted"), "{}", causes(&status));
}

#[tokio::test]
async fn a_wrong_token_and_none_are_refused() {
    let secrets = Secrets::new();
    let wrong = secrets.path().join("wrong");
    create_token(&wrong).unwrap();
    for (token, got) in [(None, "none"), (Some(wrong.as_path()), "another one")] {
        let credentials = Credentials::open(Role::Actor, Some(secrets.path()), token).unwrap();
        let words = ["Token", "expected the join token", got];
        refused(&secrets, &words, |address| {
            let credentials = credentials.clone();
            async move {
                let status = push(&address, &credentials).await.unwrap_err();
                assert_eq!(status.code(), Code::Unauthenticated, "{status}");
                assert!(status.message().contains("--token-file"), "{status}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_certificate_of_another_role_is_refused() {
    let secrets = Secrets::new();
    for role in [Role::Learner, Role::Coordinator, Role::User] {
        let credentials = secrets.of(role);
        refused(
            &secrets,
            &["Role", "expected a certificate of role actor", role.name()],
            |address| {
                let credentials = credentials.clone();
                async move {
                    let status = push(&address, &credentials).await.unwrap_err();
                    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
                }
            },
        )
        .await;
    }
    // Nobody can be a server with the certificate of another role either.
    let wrong = Credentials::open(Role::Learner, Some(&secrets.path().join("actor")), None);
    let said = wrong.unwrap_err().to_string();
    assert!(
        said.contains("expected a certificate of role learner, got one of role actor"),
        "{said}"
    );
    let coordinator = Learner::start(secrets.of(Role::Coordinator)).await;
    let error = push(&coordinator.address, &secrets.of(Role::Actor)).await.unwrap_err();
    assert!(
        causes(&error)
            .contains("expected a certificate of role learner, got one of role coordinator"),
        "{error}"
    );
}

/// Each role at the control plane: what it may do, and what it may not.
#[tokio::test]
async fn the_coordinator_lets_each_role_do_its_own() {
    let secrets = Secrets::new();
    let text = include_str!("../../../configs/quickstart.toml");
    let experiment: types::Experiment = toml::from_str(text).unwrap();
    let family = envs::describe(envs::find("point-robot").unwrap()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let setup = Setup {
        experiment: &experiment,
        family: &family,
        run_dir: secrets.path(),
        beginning: Beginning::New,
        learner_timeout: coordinator::learner::PATIENCE,
        credentials: &secrets.of(Role::Coordinator),
    };
    let server = Server::start(setup, listener).unwrap();
    let address = server.address().to_string();
    for role in Role::ALL {
        let channel = connect(&address, Role::Coordinator, &secrets.of(role)).await.unwrap();
        let mut control = proto::connect::control(channel);
        control.status(v1::StatusRequest::default()).await.unwrap();
        let submit = control.submit(v1::SubmitRequest::default()).await;
        let register = control.register(v1::RegisterRequest::default()).await;
        let heartbeat = control.heartbeat(v1::HeartbeatRequest::default()).await;
        let may = |code: Code| code != Code::PermissionDenied;
        let code = |status: Option<Code>| status.unwrap_or(Code::Ok);
        assert_eq!(may(code(submit.err().map(|s| s.code()))), role == Role::Learner, "{role}");
        assert_eq!(may(code(register.err().map(|s| s.code()))), role == Role::Actor, "{role}");
        assert_eq!(may(code(heartbeat.err().map(|s| s.code()))), role == Role::Actor, "{role}");
        if matches!(role, Role::Actor | Role::Learner) {
            let status = control.stop(v1::StopRequest {}).await.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied, "{role}");
        }
    }
    server.close().await;
}
