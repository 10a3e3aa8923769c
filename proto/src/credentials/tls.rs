//! Certificates and keys as configurations of rustls.

use super::{Error, Role};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Certificates of the authorities that are trusted, one or more.
pub const CA_FILE: &str = "ca.pem";
/// Certificate of the process, with intermediate ones behind it if there are any.
pub const CERTIFICATE_FILE: &str = "cert.pem";
/// Private key of the process.
pub const KEY_FILE: &str = "key.pem";

/// What protocol TLS carries.
const ALPN: &[u8] = b"h2";

/// Both directions of one identity.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub(super) server: Arc<ServerConfig>,
    pub(super) client: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the three files of `folder` and checks that they fit together, and that the
    /// certificate is valid now and made out to `role`.
    pub(super) fn read(folder: &Path, role: Role) -> Result<Self, Error> {
        let identity = Identity::read(folder)?;
        let verifier = identity.verifier()?;
        identity.check(verifier.as_ref(), role)?;
        let server = identity.server(verifier)?;
        let client = identity.client()?;
        Ok(Self { server: Arc::new(server), client: Arc::new(client) })
    }
}

struct Identity {
    folder: PathBuf,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn read(folder: &Path) -> Result<Self, Error> {
        let authorities = certificates(&folder.join(CA_FILE))?;
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            let added = roots.add(authority);
            added.map_err(|error| broken(folder.join(CA_FILE), error.to_string()))?;
        }
        let path = folder.join(KEY_FILE);
        let pem = read(&path)?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|error| broken(path, format!("expected a private key as PEM: {error}")))?;
        let chain = certificates(&folder.join(CERTIFICATE_FILE))?;
        Ok(Self { folder: folder.to_owned(), roots: Arc::new(roots), chain, key })
    }

    /// Asks every client for a certificate of one of the authorities.
    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider())
            .build()
            .map_err(|error| broken(self.folder.join(CA_FILE), error.to_string()))
    }

    /// What others would find out about it later is better said at once.
    fn check(&self, verifier: &dyn ClientCertVerifier, role: Role) -> Result<(), Error> {
        let path = || self.folder.join(CERTIFICATE_FILE);
        let (own, rest) = self
            .chain
            .split_first()
            .ok_or_else(|| broken(path(), "expected a certificate as PEM, got none".to_owned()))?;
        let verified = verifier.verify_client_cert(own, rest, UnixTime::now());
        verified.map_err(|error| {
            let ca = self.folder.join(CA_FILE);
            let ca = ca.display();
            broken(path(), format!("expected a valid certificate of {ca}: {error}"))
        })?;
        let got = Role::of_certificate(own);
        if got.as_ref() == Ok(&role) {
            return Ok(());
        }
        let got = got.map_or_else(|what| what, |role| format!("one of role {role}"));
        Err(Error::Role { path: path(), expected: role, got })
    }

    fn server(&self, verifier: Arc<dyn ClientCertVerifier>) -> Result<ServerConfig, Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| {
                builder
                    .with_client_cert_verifier(verifier)
                    .with_single_cert(self.chain.clone(), self.key.clone_key())
            })
            .map_err(|error| self.unfit(&error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A session that is taken up again is not verified again; after a change of the
        // authorities it must be.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn client(&self) -> Result<ClientConfig, Error> {
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider())
            .build()
            .map_err(|error| broken(self.folder.join(CA_FILE), error.to_string()))?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| {
                builder
                    .with_webpki_verifier(verifier)
                    .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            })
            .map_err(|error| self.unfit(&error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn unfit(&self, error: &rustls::Error) -> Error {
        let reason = format!("expected the key of {CERTIFICATE_FILE}: {error}");
        broken(self.folder.join(KEY_FILE), reason)
    }
}

/// Named here, so that no other crate's features can change it.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    // The client's order counts. 128 bits are enough, and cost less.
    provider.cipher_suites =
        vec![TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256];
    Arc::new(provider)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let parsed = parsed.map_err(|error| {
        broken(path.to_owned(), format!("expected certificates as PEM: {error}"))
    })?;
    if parsed.is_empty() {
        return Err(broken(path.to_owned(), "expected a certificate as PEM, got none".to_owned()));
    }
    Ok(parsed)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn broken(path: PathBuf, reason: String) -> Error {
    Error::Content { path, reason }
}
