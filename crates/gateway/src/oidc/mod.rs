//! People of an OpenID Connect issuer: whose a token is, as kube-apiserver would tell with flags of the same names. `token.rs`,
//! `claims.rs` and `jwks.rs` are pure; `fetch.rs` and `issuer.rs` ask the issuer; `keys.rs` says when; `verified.rs` remembers.
//!
//! A token is verified by its issuer's keys alone: one that was withdrawn is accepted until it expires.

mod claims;
mod fetch;
mod issuer;
mod jwks;
mod keys;
mod settings;
mod token;
mod verified;

#[cfg(test)]
mod claims_tests;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod https_tests;
#[cfg(test)]
mod verify_tests;

use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use sha2::{Digest, Sha256};

use claims::Rules;
use keys::Keys;
use verified::Verified;

pub use settings::{OidcSettings, OidcSetupError};
pub use token::{LONGEST_TOKEN, unverified_issuer};

/// Who a token says that its bearer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name, prefix included: what a SparkSession can have as its user.
    pub user: String,
    /// The groups, prefixes included.
    pub groups: Vec<String>,
    /// When the token expires.
    pub expires: Timestamp,
}

/// Why a token is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// It is not good, and will not be.
    #[error("{why}")]
    Refused {
        /// What is wrong with it and what to do; holds nothing of the token.
        why: String,
    },
    /// It cannot be told: the issuer does not answer.
    #[error("{why}")]
    Unavailable {
        /// What was asked and what came of it; names the issuer, and holds nothing of the token.
        why: String,
    },
}

impl OidcError {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }
}

/// An issuer whose tokens are accepted.
#[derive(Debug)]
pub struct Provider {
    rules: Rules,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    verified: Verified,
}

impl Provider {
    /// Whether the token says that it is from this issuer; nothing of it is verified. No I/O, and bounded for any text.
    pub fn issued(&self, token: &str) -> bool {
        unverified_issuer(token.as_bytes()).is_some_and(|issuer| issuer == self.rules.issuer)
    }

    /// Whose the token is. Asks the issuer where its keys are not known, or not any more; one that was verified less than a
    /// minute ago is looked up.
    ///
    /// # Errors
    /// [`OidcError::Refused`] when the token is not good, [`OidcError::Unavailable`] when the issuer cannot be asked.
    pub async fn verify(&self, token: &str) -> Result<Person, OidcError> {
        self.verify_at(token, Timestamp::now()).await
    }

    async fn verify_at(&self, token: &str, now: Timestamp) -> Result<Person, OidcError> {
        let hash = Sha256::digest(token.as_bytes()).into();
        if let Some(person) = self.verified.get(&hash, now) {
            return Ok(person);
        }
        let head = token::head(token, &self.algorithms)?;
        let key = self.keys.key(&head, now).await?;
        let claims = token::claims(token, &head, &key)?;
        let person = self.rules.person(&claims, now)?;
        self.verified.put(hash, person.clone(), now);
        Ok(person)
    }
}
