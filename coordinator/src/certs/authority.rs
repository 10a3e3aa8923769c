//! An authority of one's own, and the certificates it issues.

use super::Error;
use super::files::{self, CA_KEY_FILE, Readers, Written};
use proto::Role;
use proto::credentials::{CA_FILE, CERTIFICATE_FILE, KEY_FILE};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use time::{Duration, OffsetDateTime};

/// Clocks of other machines may be behind by this much.
const SKEW: Duration = Duration::hours(1);

/// From when to when a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First moment.
    pub from: OffsetDateTime,
    /// Last moment.
    pub until: OffsetDateTime,
}

impl Validity {
    /// From now on, for so many days.
    #[must_use]
    pub fn days(days: u32) -> Self {
        let now = OffsetDateTime::now_utc();
        Self { from: now - SKEW, until: now + Duration::days(days.into()) }
    }
}

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Request {
    /// What its holder is.
    pub role: Role,
    /// Which one of those; for people and logs.
    pub name: String,
    /// Host names by which it is reached, besides `name` and `localhost`.
    pub dns: Vec<String>,
    /// Addresses by which it is reached, besides those of this machine alone.
    pub ip: Vec<IpAddr>,
    /// How long it holds.
    pub validity: Validity,
}

/// Signs certificates.
#[derive(Debug)]
pub struct Authority {
    key: KeyPair,
    /// As PEM.
    certificate: String,
}

/// What one process needs. All as PEM.
pub struct Leaf {
    authority: String,
    certificate: String,
    key: String,
}

/// Never says the key.
impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::Certificate`].
    pub fn create(validity: Validity) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut params = authority_params(&key);
        (params.not_before, params.not_after) = (validity.from, validity.until);
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { key, certificate })
    }

    /// The one in `folder`.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let (certificate, key) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
        let certificate = files::read(&certificate, "the certificate of an authority")?;
        let expected = "the key of an authority";
        let parsed = KeyPair::from_pem(&files::read(&key, expected)?);
        let key =
            parsed.map_err(|error| Error::Read { path: key, expected, got: error.to_string() })?;
        Ok(Self { key, certificate })
    }

    /// Writes certificate and key into `folder`, where there is none yet.
    ///
    /// # Errors
    /// [`Error`].
    pub fn write(&self, folder: &Path) -> Result<Vec<Written>, Error> {
        let (certificate, key) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
        if let Some(path) = [&certificate, &key].into_iter().find(|path| path.exists()) {
            let advice = "choose another folder with -o; certificates of that authority would no \
                          longer be accepted";
            return Err(Error::Exists { path: path.clone(), advice });
        }
        let pem = self.key.serialize_pem();
        let what = "key of the authority: keep it off the machines of the run";
        Ok(vec![
            files::write(key, what, &pem, Readers::Owner)?,
            files::write(
                certificate,
                "certificate of the authority",
                &self.certificate,
                Readers::All,
            )?,
        ])
    }

    /// Issues a certificate.
    ///
    /// # Errors
    /// [`Error::Value`] if a name cannot be.
    pub fn issue(&self, request: &Request) -> Result<Leaf, Error> {
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(authority_params(&self.key), &self.key);
        let certificate = leaf_params(request)?.signed_by(&key, &issuer)?;
        Ok(Leaf {
            authority: self.certificate.clone(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl Leaf {
    /// Writes the three files into `folder`, in the place of older ones.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, folder: &Path) -> Result<Vec<Written>, Error> {
        let file =
            |name, what, content, readers| files::write(folder.join(name), what, content, readers);
        Ok(vec![
            file(KEY_FILE, "private key", &self.key, Readers::Owner)?,
            file(CERTIFICATE_FILE, "certificate", &self.certificate, Readers::All)?,
            file(
                CA_FILE,
                "certificate of the authority that others are held to",
                &self.authority,
                Readers::All,
            )?,
        ])
    }
}

/// All that follows from the key, so that the key file is enough to issue. The name tells
/// authorities apart.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let tail = key.der_bytes().iter().rev().take(4);
    let id: String = tail.map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("Proteus authority {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params(request: &Request) -> Result<CertificateParams, Error> {
    let Request { role, name, dns, ip, validity } = request;
    check_name(name)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("{role} {name}"));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (validity.from, validity.until);
    params.subject_alt_names = vec![SanType::URI(role.identity(name).as_str().try_into()?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if serves(*role) {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let hosts = [name.as_str(), "localhost"].into_iter().chain(dns.iter().map(String::as_str));
        for host in hosts {
            check_host(host)?;
            params.subject_alt_names.push(SanType::DnsName(host.try_into()?));
        }
        let here = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let addresses = here.into_iter().chain(ip.iter().copied());
        params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    }
    Ok(params)
}

/// Whether others connect to it. Who does not serve must not be able to.
fn serves(role: Role) -> bool {
    match role {
        Role::Coordinator | Role::Learner => true,
        Role::Actor | Role::User => false,
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if (1..=63).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let expected = "1 to 63 letters, digits, dots and dashes";
    Err(Error::Value { field: "--name", expected, got: format!("{name:?}") })
}

/// As clients will look it up: `*.` may stand for one label.
fn check_host(host: &str) -> Result<(), Error> {
    let rest = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&label.len()) && label.chars().all(fits)
    };
    if rest.len() <= 253 && rest.split('.').all(label) && host.parse::<IpAddr>().is_err() {
        return Ok(());
    }
    let expected = "a host name such as learner.example.org (addresses go to --ip)";
    Err(Error::Value { field: "--dns", expected, got: format!("{host:?}") })
}
