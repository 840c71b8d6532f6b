//! Who calls: a session, by its token, or a person or program that the cluster knows, by a ServiceAccount's token or by
//! one of the issuer that the installation trusts; and whether they may. Asks the API server and the issuer, and remembers their
//! answers for a short while. Without an answer nobody is let in.

mod access;
mod review;

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Client;
use sha2::{Digest, Sha256};

use crate::directory::{Directory, Session, TokenHash};
use crate::oidc::{OidcError, Provider};
use crate::refusal::Refusal;

pub use access::Access;
pub use review::Reviews;

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 16 << 10;
/// Answers that are remembered, of each kind.
const REMEMBERED: u64 = 10_000;
/// Longest wait for an answer of the API server.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Somebody whom the cluster knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name that RBAC knows, and the identity on servers.
    pub user: String,
    /// Groups that RBAC knows.
    pub groups: Vec<String>,
    /// The UID, where there is one.
    pub uid: Option<String>,
    /// What else authorizers may look at.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Person {
    /// What tells this person from every other one, and from the same one in other groups.
    fn key(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update(text.len().to_le_bytes());
            digest.update(text.as_bytes());
        };
        part(&self.user);
        part(self.uid.as_deref().unwrap_or_default());
        part(&self.groups.len().to_string());
        self.groups.iter().for_each(|group| part(group));
        for (key, values) in &self.extra {
            part(key);
            part(&values.len().to_string());
            values.iter().for_each(|value| part(value));
        }
        digest.finalize().into()
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Whoever has this session's token.
    Session(Arc<Session>),
    /// Somebody whom the cluster knows.
    Person(Arc<Person>),
}

/// Tells callers by their tokens.
#[derive(Debug)]
pub struct Identities {
    directory: Arc<Directory>,
    reviews: Reviews,
    issuer: Option<Provider>,
}

impl Identities {
    /// Callers with the token of a session, one that the cluster made for `audience`, or one of the issuer.
    pub fn new(
        directory: Arc<Directory>,
        client: Client,
        audience: String,
        issuer: Option<Provider>,
    ) -> Self {
        Self {
            directory,
            reviews: Reviews::new(client, audience),
            issuer,
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// When it is nobody's, or nobody can be asked.
    pub async fn of(&self, token: &str) -> Result<Caller, Refusal> {
        match self.directory.by_token(token) {
            Ok(session) => Ok(Caller::Session(session)),
            Err(unknown) if !is_jwt(token) => Err(unknown),
            // In a box, as all that few calls need: the rest of every call is moved about with it.
            Err(_) => Box::pin(self.person(token)).await.map(Caller::Person),
        }
    }

    async fn person(&self, token: &str) -> Result<Arc<Person>, Refusal> {
        let Some(issuer) = self.issuer.as_ref().filter(|issuer| issuer.issued(token)) else {
            return self.reviews.person(token).await;
        };
        match issuer.verify(token).await {
            Ok(person) => Ok(Arc::new(Person {
                user: person.user,
                groups: person.groups,
                uid: None,
                extra: BTreeMap::new(),
            })),
            Err(OidcError::Refused { why }) => Err(Refusal::UntrustedToken { why }),
            Err(OidcError::Unavailable { why }) => Err(Refusal::SilentIssuer { why }),
        }
    }
}

/// Whether a token has the form that the cluster's tokens have; whoever makes up others is not worth asking about.
pub fn is_jwt(token: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !part.is_empty() && part.bytes().all(fits)
    };
    token.len() <= LONGEST && token.split('.').count() == 3 && token.split('.').all(is_part)
}

/// A name that Spark can have for a user, by the schema of SparkSessions.
///
/// # Errors
/// When it cannot.
fn fit(person: Person) -> Result<Person, Refusal> {
    let misfit = |letter: char| letter == ',' || letter.is_whitespace();
    if person.user.is_empty() || person.user.len() > 253 || person.user.contains(misfit) {
        return Err(Refusal::UnfitUser { user: person.user });
    }
    Ok(person)
}

fn key_of(token: &str) -> TokenHash {
    crate::directory::hash(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_a_jwt_is_asked_about() {
        assert!(is_jwt("eyJh.eyJp-_.c2ln"));
        let long = format!("a.{}.c", "b".repeat(LONGEST));
        for other in [
            "", "..", "a.b", "a.b.c.d", "a.b.", "a.b=.c", "a.b c.d", &long,
        ] {
            assert!(!is_jwt(other), "{other}");
        }
    }

    #[test]
    fn a_user_must_be_one_that_spark_can_have() {
        let named = |user: &str| Person {
            user: user.to_owned(),
            groups: vec![],
            uid: None,
            extra: BTreeMap::new(),
        };
        assert!(fit(named("system:serviceaccount:team:etl")).is_ok());
        for user in ["", "a,b", "a b", "a\u{a0}b", &"x".repeat(254)] {
            assert!(fit(named(user)).is_err(), "{user}");
        }
    }

    #[test]
    fn other_groups_are_another_key() {
        let of = |groups: &[&str], extra: &[(&str, &str)]| {
            let extra = extra
                .iter()
                .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
            let person = Person {
                user: "ada".to_owned(),
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                uid: None,
                extra: extra.collect(),
            };
            person.key()
        };
        assert_eq!(of(&["a", "b"], &[]), of(&["a", "b"], &[]));
        let different = [
            of(&[], &[]),
            of(&["ab"], &[]),
            of(&["a", "b"], &[]),
            of(&["a"], &[("b", "")]),
            of(&["a"], &[("", "b")]),
        ];
        for (at, one) in different.iter().enumerate() {
            assert!(!different[at + 1..].contains(one), "{at}");
        }
    }
}
