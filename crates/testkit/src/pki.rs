//! A throw-away certificate authority for a test cluster, and the kubeconfigs that its client certificates go into. Writes
//! files that only their owner can read; otherwise no I/O.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use crate::error::{Context, Error, Result};

/// A certificate authority; its certificate says who belongs to one cluster.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    key: String,
}

/// A certificate with its key, both PEM. `Debug` leaves the key out.
pub struct Credentials {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl Authority {
    /// A new authority with a new P-256 key.
    ///
    /// # Errors
    /// When the system's randomness fails.
    pub fn new(name: &str) -> Result<Self> {
        let key = new_key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let certificate = params
            .self_signed(&key)
            .context(|| format!("signing {name}"))?
            .pem();
        let pem = key.serialize_pem();
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
            key: pem,
        })
    }

    /// The authority's own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The authority's certificate and key, for a program that signs on its behalf.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }

    /// A client certificate: `user` is who Kubernetes takes its bearer for, `groups` (two at most) what they belong to.
    ///
    /// # Errors
    /// When there are more than two groups, or the system's randomness fails.
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Credentials> {
        let mut params = subject(user, groups)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    /// A server certificate for `names`, each a DNS name or an IP address.
    ///
    /// # Errors
    /// When a name is neither.
    pub fn server(&self, user: &str, groups: &[&str], names: &[&str]) -> Result<Credentials> {
        let mut params = subject(user, groups)?;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let alternatives = CertificateParams::new(names)
            .context(|| format!("naming the certificate of {user}"))?
            .subject_alt_names;
        params.subject_alt_names = alternatives;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Credentials> {
        let key = new_key()?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context(|| "signing a certificate".to_owned())?;
        Ok(Credentials {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Writes `<folder>/<name>.crt` and `<folder>/<name>.key`.
    ///
    /// # Errors
    /// The file system's refusal.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        write_private(&folder.join(format!("{name}.crt")), &self.certificate)?;
        write_private(&folder.join(format!("{name}.key")), &self.key)
    }
}

/// A key that signs service-account tokens: (public, private), both PEM.
///
/// # Errors
/// When the system's randomness fails.
pub fn signing_key() -> Result<(String, String)> {
    let key = new_key()?;
    Ok((key.public_key_pem(), key.serialize_pem()))
}

/// A kubeconfig, as JSON (which is YAML), with everything in it, so that it can be copied anywhere.
pub fn kubeconfig(server: &str, authority: &str, user: &Credentials) -> String {
    let encode = |text: &str| STANDARD.encode(text);
    let name = "sparkconnect";
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {
            "server": server, "certificate-authority-data": encode(authority)}}],
        "users": [{"name": name, "user": {
            "client-certificate-data": encode(&user.certificate), "client-key-data": encode(&user.key)}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    });
    format!("{config:#}\n")
}

/// Writes a file that only its owner can read, anew.
///
/// # Errors
/// The file system's refusal.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path)?.write_all(content.as_bytes())
    };
    write().context(|| format!("writing {}", path.display()))
}

/// `rcgen` keeps one value an attribute; the second spelling of the same attribute makes room for a second group.
fn subject(user: &str, groups: &[&str]) -> Result<CertificateParams> {
    let organizations = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    if groups.len() > organizations.len() {
        return Err(Error::new(format!(
            "{user} has more than two groups: {groups:?}"
        )));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    for (organization, group) in organizations.into_iter().zip(groups) {
        params.distinguished_name.push(organization, *group);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn new_key() -> Result<KeyPair> {
    KeyPair::generate().context(|| "generating a key".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_in_a_debug_text() {
        let authority = Authority::new("test").unwrap();
        let user = authority.client("alice", &["team-a"]).unwrap();
        for text in [
            format!("{authority:?}"),
            format!("{user:?}"),
            format!("{:?}", authority.credentials()),
        ] {
            assert!(!text.contains("PRIVATE KEY"), "{text}");
        }
    }

    #[test]
    fn two_groups_are_the_limit() {
        let authority = Authority::new("test").unwrap();
        assert!(authority.client("alice", &["a", "b"]).is_ok());
        let error = authority
            .client("alice", &["a", "b", "c"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("more than two groups"), "{error}");
    }

    #[test]
    fn a_kubeconfig_holds_everything() {
        let authority = Authority::new("test").unwrap();
        let user = authority.client("alice", &[]).unwrap();
        let text = kubeconfig("https://127.0.0.1:1", authority.certificate(), &user);
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let key = config["users"][0]["user"]["client-key-data"]
            .as_str()
            .unwrap();
        assert_eq!(STANDARD.decode(key).unwrap(), user.key.as_bytes());
        assert_eq!(
            config["clusters"][0]["cluster"]["server"],
            "https://127.0.0.1:1"
        );
    }
}
