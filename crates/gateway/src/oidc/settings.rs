//! The flags of an OpenID Connect issuer, with the names and the meaning of kube-apiserver's, and what is made of them. Reads the
//! file of certificate authorities, or the system's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jsonwebtoken::Algorithm;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::Provider;
use super::claims::Rules;
use super::fetch::{HttpsUrl, UrlError};
use super::issuer::Issuer;
use super::keys::Keys;
use super::verified::Verified;

/// People of an OpenID Connect issuer.
#[derive(Clone, Debug, Args)]
pub struct OidcSettings {
    /// Issuer whose tokens are accepted: an https URL, character for character their claim `iss`. Absent: no such tokens.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_ISSUER",
        value_name = "URL",
        requires = "oidc_audience"
    )]
    pub oidc_issuer: Option<String>,

    /// What a token must have in its claim `aud`: the client that it was issued for.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_AUDIENCE",
        value_name = "NAME",
        requires = "oidc_issuer"
    )]
    pub oidc_audience: Option<String>,

    /// Claim that is the user's name. Of `email`, the token must not say that it is not verified.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_USERNAME_CLAIM",
        value_name = "CLAIM",
        default_value = "sub",
        requires = "oidc_issuer"
    )]
    pub oidc_username_claim: String,

    /// Put before the user's name; `-` is nothing. Absent: the issuer and `#`, or nothing where the claim is `email`.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_USERNAME_PREFIX",
        value_name = "PREFIX",
        allow_hyphen_values = true,
        requires = "oidc_issuer"
    )]
    pub oidc_username_prefix: Option<String>,

    /// Claim that is the user's groups, a text or a list of them. Absent: no groups.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_GROUPS_CLAIM",
        value_name = "CLAIM",
        requires = "oidc_issuer"
    )]
    pub oidc_groups_claim: Option<String>,

    /// Put before each group. Absent: nothing.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_GROUPS_PREFIX",
        value_name = "PREFIX",
        allow_hyphen_values = true,
        requires = "oidc_groups_claim"
    )]
    pub oidc_groups_prefix: Option<String>,

    /// PEM file of the authorities that the issuer's certificate may be from; read at the start. Absent: the system's.
    #[arg(
        long,
        env = "SPARKCONNECT_OIDC_CA_FILE",
        value_name = "FILE",
        requires = "oidc_issuer"
    )]
    pub oidc_ca_file: Option<PathBuf>,

    /// Algorithms that a token may be signed with, of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA.
    #[arg(long, env = "SPARKCONNECT_OIDC_SIGNING_ALGORITHMS", value_name = "NAMES", default_value = "RS256,ES256", value_delimiter = ',', value_parser = algorithm, requires = "oidc_issuer")]
    pub oidc_signing_algorithms: Vec<Algorithm>,
}

/// Why there can be no such issuer.
#[derive(Debug, thiserror::Error)]
pub enum OidcSetupError {
    /// The issuer is not an https URL.
    #[error("--oidc-issuer: {0}")]
    Issuer(#[from] UrlError),
    /// A URL that no issuer may have.
    #[error(
        "--oidc-issuer must have neither `?` nor `#`: give the URL that tokens have in their claim `iss`"
    )]
    IssuerWithQuery,
    /// There is no audience.
    #[error("--oidc-issuer needs --oidc-audience: the client that tokens must be issued for")]
    NoAudience,
    /// The authorities cannot be read.
    #[error("--oidc-ca-file {}: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// One of them is no certificate.
    #[error("--oidc-ca-file {}: {source}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// There are none.
    #[error("--oidc-ca-file {} has no certificate: it must be PEM", .0.display())]
    NoAuthority(PathBuf),
    /// Neither has the system any.
    #[error("this system has no certificate authorities: give --oidc-ca-file")]
    NoSystemAuthority,
    /// TLS cannot be had.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl OidcSettings {
    /// The issuer, where there is one. Asks it nothing yet.
    ///
    /// # Errors
    /// When the settings make none: with what to change.
    pub fn provider(&self) -> Result<Option<Provider>, OidcSetupError> {
        let Some(issuer) = &self.oidc_issuer else {
            return Ok(None);
        };
        let audience = self.oidc_audience.as_ref();
        let audience = audience.filter(|audience| !audience.is_empty());
        let audience = audience.ok_or(OidcSetupError::NoAudience)?;
        if issuer.contains(['?', '#']) {
            return Err(OidcSetupError::IssuerWithQuery);
        }
        HttpsUrl::parse(issuer)?;
        Ok(Some(Provider {
            rules: self.rules(issuer, audience),
            algorithms: self.oidc_signing_algorithms.clone(),
            keys: Keys::new(Issuer::new(issuer, self.tls()?)?),
            verified: Verified::default(),
        }))
    }

    fn rules(&self, issuer: &str, audience: &str) -> Rules {
        let prefix = self.oidc_username_prefix.as_deref().unwrap_or_default();
        let username_prefix = match (prefix, self.oidc_username_claim.as_str()) {
            ("-", _) | ("", "email") => String::new(),
            ("", _) => format!("{issuer}#"),
            (prefix, _) => prefix.to_owned(),
        };
        Rules {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            username_claim: self.oidc_username_claim.clone(),
            username_prefix,
            groups_claim: self.oidc_groups_claim.clone(),
            groups_prefix: self.oidc_groups_prefix.clone().unwrap_or_default(),
        }
    }

    fn tls(&self) -> Result<TlsConnector, OidcSetupError> {
        let roots = match &self.oidc_ca_file {
            Some(path) => from_file(path)?,
            None => from_system()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn from_file(path: &Path) -> Result<RootCertStore, OidcSetupError> {
    let unread = |source| OidcSetupError::Authorities {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unread)? {
        let added = roots.add(certificate.map_err(unread)?);
        added.map_err(|source| OidcSetupError::Authority {
            path: path.to_owned(),
            source,
        })?;
    }
    if roots.is_empty() {
        return Err(OidcSetupError::NoAuthority(path.to_owned()));
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore, OidcSetupError> {
    let mut roots = RootCertStore::empty();
    // Of the system's hundred, some may be of a kind that rustls does not know.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(OidcSetupError::NoSystemAuthority);
    }
    Ok(roots)
}

/// An algorithm by its name; none whose key can sign as well as verify.
fn algorithm(name: &str) -> Result<Algorithm, String> {
    let known = name.parse().ok();
    let known = known.filter(|known| {
        !matches!(
            known,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
        )
    });
    known.ok_or_else(|| {
        "give one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        oidc: OidcSettings,
    }

    const ISSUER: &str = "--oidc-issuer=https://issuer.example";
    const AUDIENCE: &str = "--oidc-audience=spark";

    fn parse(args: &[&str]) -> Result<OidcSettings, String> {
        let args = ["program"].iter().chain(args);
        let program = Program::try_parse_from(args).map_err(|error| error.to_string())?;
        Ok(program.oidc)
    }

    #[test]
    fn what_contradicts_is_refused_with_what_to_do() {
        Program::command().debug_assert();
        for (args, told) in [
            (&[ISSUER][..], "--oidc-audience"),
            (&[AUDIENCE], "--oidc-issuer"),
            (&["--oidc-username-claim=email"], "--oidc-issuer"),
            (&["--oidc-signing-algorithms=RS256"], "--oidc-issuer"),
            (
                &[ISSUER, AUDIENCE, "--oidc-groups-prefix=x:"],
                "--oidc-groups-claim",
            ),
            (
                &[ISSUER, AUDIENCE, "--oidc-signing-algorithms=RS256,HS256"],
                "give one of RS256",
            ),
            (
                &[ISSUER, AUDIENCE, "--oidc-signing-algorithms=none"],
                "give one of RS256",
            ),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(told), "{args:?}: {error}");
        }
        assert!(parse(&[]).unwrap().provider().unwrap().is_none());
    }

    #[test]
    fn an_issuer_is_an_https_url_with_authorities_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();
        let empty = format!("--oidc-ca-file={}", empty.display());
        for (args, told) in [
            (
                &["--oidc-issuer=http://issuer.example", AUDIENCE][..],
                "https",
            ),
            (&["--oidc-issuer=issuer", AUDIENCE], "https"),
            (&["--oidc-issuer=https://me@issuer", AUDIENCE], "`@`"),
            (&["--oidc-issuer=https://issuer/?a=b", AUDIENCE], "`?`"),
            (&[ISSUER, "--oidc-audience="], "--oidc-audience"),
            (
                &[ISSUER, AUDIENCE, "--oidc-ca-file=/nowhere"],
                "--oidc-ca-file /nowhere",
            ),
            (&[ISSUER, AUDIENCE, &empty], "has no certificate"),
        ] {
            let error = parse(args).unwrap().provider().unwrap_err().to_string();
            assert!(error.contains(told), "{args:?}: {error}");
        }
    }

    #[test]
    fn names_have_the_prefix_that_kube_apiserver_gives_them() {
        let prefix = |args: &[&str]| {
            let settings = parse(&[&[ISSUER, AUDIENCE], args].concat()).unwrap();
            settings
                .rules("https://issuer.example", "spark")
                .username_prefix
        };
        let email = "--oidc-username-claim=email";
        assert_eq!(prefix(&[]), "https://issuer.example#");
        assert_eq!(prefix(&[email]), "");
        assert_eq!(prefix(&["--oidc-username-prefix=-"]), "");
        assert_eq!(prefix(&["--oidc-username-prefix=oidc:"]), "oidc:");
        assert_eq!(prefix(&[email, "--oidc-username-prefix=oidc:"]), "oidc:");
    }
}
