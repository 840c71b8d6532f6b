//! The authority of this installation, and the certificates that it signs: the gateway's where nobody gives one, and those that
//! operator and gateways know each other by. Pure but for randomness: the clock is handed in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use k8s_openapi::ByteString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs};

/// Entry of a Secret of type `kubernetes.io/tls`: the certificate, PEM.
pub const CERTIFICATE: &str = "tls.crt";
/// Entry of such a Secret: its private key, PEM.
pub const KEY: &str = "tls.key";
/// Entry beside them: the certificate of the authority that signed, PEM.
pub const AUTHORITY: &str = "ca.crt";
/// Entry of the authority's Secret: the day that it was made. Its name and its end follow from that.
const MADE: &str = "made";

/// How long an authority lasts.
const AUTHORITY_YEARS: i64 = 10;
/// How long a certificate lasts.
const DAYS: i64 = 365;
/// A certificate that lasts no longer than this, a third of its life, is made anew.
const RESERVE: Duration = Duration::from_secs(DAYS as u64 * 24 * 3600 / 3);

/// Names by which the gateway is reached: its host, and its Service within the cluster.
pub fn names(host: &str, namespace: &str) -> Vec<String> {
    let service = "sparkconnect-gateway";
    let within = [
        service.to_owned(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc"),
    ];
    let mut names = vec![host.to_owned()];
    names.extend(within.into_iter().filter(|name| name != host));
    names
}

/// The authority of this installation. Not `Debug`: it holds a key.
pub struct Ca {
    made: Date,
    certificate: String,
    key: KeyPair,
}

impl Ca {
    /// A new authority.
    ///
    /// # Errors
    /// When the system's randomness fails.
    pub fn make(now: Timestamp) -> Result<Self, rcgen::Error> {
        let (made, key) = (day(now), KeyPair::generate()?);
        let certificate = authority_params(made).self_signed(&key)?.pem();
        Ok(Self {
            made,
            certificate,
            key,
        })
    }

    /// The authority in a Secret's data; `None` where there is none.
    pub fn read(data: &BTreeMap<String, ByteString>) -> Option<Self> {
        Some(Self {
            made: text(data, MADE)?.parse().ok()?,
            certificate: text(data, CERTIFICATE)?.to_owned(),
            key: KeyPair::from_pem(text(data, KEY)?).ok()?,
        })
    }

    /// What its Secret holds.
    pub fn data(&self) -> BTreeMap<String, ByteString> {
        entries([
            (MADE, self.made.to_string()),
            (CERTIFICATE, self.certificate.clone()),
            (KEY, self.key.serialize_pem()),
        ])
    }

    /// Whether it outlasts a certificate that it signs now.
    pub fn lasts(&self, now: Timestamp) -> bool {
        after_days(day(now), DAYS) <= end_of_authority(self.made)
    }

    /// Whether its certificate is that of its key.
    pub fn signs(&self, now: Timestamp) -> bool {
        let name = sparkconnect_api::address::CONTROL_CLIENT;
        let leaf = self.issue_client(name, now);
        leaf.is_ok_and(|leaf| leaf.shows(name, now))
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A new certificate for a gateway at `names`, each a DNS name or an IP address.
    ///
    /// # Errors
    /// When a name is neither, or the system's randomness fails.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<Leaf, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = common_name("sparkconnect gateway".to_owned());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, now)
    }

    /// A new certificate that its bearer shows as the client `name`.
    ///
    /// # Errors
    /// When it is no DNS name, or the system's randomness fails.
    pub fn issue_client(&self, name: &str, now: Timestamp) -> Result<Leaf, rcgen::Error> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name = common_name("sparkconnect operator".to_owned());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, now)
    }

    fn sign(&self, mut params: CertificateParams, now: Timestamp) -> Result<Leaf, rcgen::Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        last(&mut params, day(now), after_days(day(now), DAYS));
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(authority_params(self.made), &self.key);
        Ok(Leaf {
            certificate: params.signed_by(&key, &issuer)?.pem(),
            key: key.serialize_pem(),
            authority: self.certificate.clone(),
        })
    }
}

/// A certificate with its key. Not `Debug`: it holds a key.
#[derive(Clone)]
pub struct Leaf {
    certificate: String,
    key: String,
    authority: String,
}

impl Leaf {
    /// The certificate in a Secret's data; `None` where there is none.
    pub fn read(data: &BTreeMap<String, ByteString>) -> Option<Self> {
        let entry = |name| text(data, name).map(str::to_owned);
        Some(Self {
            certificate: entry(CERTIFICATE)?,
            key: entry(KEY)?,
            authority: entry(AUTHORITY)?,
        })
    }

    /// What its Secret holds.
    pub fn data(&self) -> BTreeMap<String, ByteString> {
        entries([
            (CERTIFICATE, self.certificate.clone()),
            (KEY, self.key.clone()),
            (AUTHORITY, self.authority.clone()),
        ])
    }

    /// Certificate and key, PEM.
    pub fn pair(&self) -> (&str, &str) {
        (&self.certificate, &self.key)
    }

    /// The certificate of its authority, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether whoever trusts its authority takes it for all of `names`, now and for a third of a certificate's life more.
    pub fn serves(&self, names: &[String], now: Timestamp) -> bool {
        self.check(names, now, KeyUsage::server_auth()).is_some()
    }

    /// The same of a client that shows it.
    pub fn shows(&self, name: &str, now: Timestamp) -> bool {
        let names = [name.to_owned()];
        self.check(&names, now, KeyUsage::client_auth()).is_some()
    }

    fn check(&self, names: &[String], now: Timestamp, usage: KeyUsage) -> Option<()> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).ok()?;
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes()).ok()?;
        let key = KeyPair::from_pem(&self.key).ok()?;
        let leaf = EndEntityCert::try_from(&certificate).ok()?;
        if leaf.subject_public_key_info().as_ref() != key.subject_public_key_info() {
            return None;
        }
        let anchors = [anchor_from_trusted_cert(&authority).ok()?];
        let now = Duration::from_secs(u64::try_from(now.as_second()).ok()?);
        for time in [now, now + RESERVE].map(UnixTime::since_unix_epoch) {
            let algorithms = [aws_lc_rs::ECDSA_P256_SHA256];
            leaf.verify_for_usage(&algorithms, &anchors, &[], time, usage, None, None)
                .ok()?;
        }
        for name in names {
            let name = ServerName::try_from(name.as_str()).ok()?;
            leaf.verify_is_valid_for_subject_name(&name).ok()?;
        }
        Some(())
    }
}

/// An authority is told apart from the one before it by the day that it was made.
fn authority_params(made: Date) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(format!("sparkconnect gateway authority {made}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last(&mut params, made, end_of_authority(made));
    params
}

fn common_name(name: String) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

/// From the day before, for clocks that are behind.
fn last(params: &mut CertificateParams, first: Date, end: Date) {
    let midnight = |day: Date| {
        let (month, number) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        rcgen::date_time_ymd(day.year().into(), month, number)
    };
    params.not_before = midnight(after_days(first, -1));
    params.not_after = midnight(end);
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn after_days(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

fn end_of_authority(made: Date) -> Date {
    made.saturating_add(AUTHORITY_YEARS.years())
}

fn text<'a>(data: &'a BTreeMap<String, ByteString>, entry: &str) -> Option<&'a str> {
    str::from_utf8(&data.get(entry)?.0).ok()
}

fn entries<const N: usize>(entries: [(&str, String); N]) -> BTreeMap<String, ByteString> {
    entries
        .map(|(name, value)| (name.to_owned(), ByteString(value.into_bytes())))
        .into()
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
