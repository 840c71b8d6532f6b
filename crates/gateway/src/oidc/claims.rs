//! Whose a token with a good signature is, and whether it is for the gateway, now. No I/O.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::token::Claims;
use super::{OidcError, Person};

/// By how much the issuer's clock may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// Longest name that a SparkSession's `user` can have, in characters.
const LONGEST_USER: usize = 253;
/// What the names of Kubernetes' own users and groups begin with.
const RESERVED: &str = "system:";

/// What is made of claims.
#[derive(Debug)]
pub(super) struct Rules {
    /// What `iss` must be.
    pub(super) issuer: String,
    /// What must be in `aud`.
    pub(super) audience: String,
    /// Claim that is the name.
    pub(super) username_claim: String,
    /// Put before it.
    pub(super) username_prefix: String,
    /// Claim that is the groups.
    pub(super) groups_claim: Option<String>,
    /// Put before each.
    pub(super) groups_prefix: String,
}

impl Rules {
    /// Who the bearer of a token with these claims is.
    pub(super) fn person(&self, claims: &Claims, now: Timestamp) -> Result<Person, OidcError> {
        self.issuer(claims)?;
        self.audience(claims)?;
        Ok(Person {
            expires: times(claims, now)?,
            user: self.user(claims)?,
            groups: self.groups(claims)?,
        })
    }

    fn issuer(&self, claims: &Claims) -> Result<(), OidcError> {
        if claims.get("iss").and_then(Value::as_str) == Some(&self.issuer) {
            return Ok(());
        }
        Err(OidcError::refused(format!(
            "the token's claim `iss` is not {}: get a token from there",
            self.issuer
        )))
    }

    fn audience(&self, claims: &Claims) -> Result<(), OidcError> {
        let meant = match claims.get("aud") {
            Some(Value::String(one)) => *one == self.audience,
            Some(Value::Array(many)) => many.iter().any(|one| *one == self.audience),
            _ => false,
        };
        if meant {
            return Ok(());
        }
        Err(OidcError::refused(format!(
            "the token's claim `aud` does not have {}: get a token for that audience",
            self.audience
        )))
    }

    fn user(&self, claims: &Claims) -> Result<String, OidcError> {
        let claim = &self.username_claim;
        let name = claims.get(claim).and_then(Value::as_str);
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
            OidcError::refused(format!(
                "the token has no text in the claim `{claim}`, which is the user's name: have the issuer put it there, or set \
                 --oidc-username-claim"
            ))
        })?;
        let verified = claims.get("email_verified");
        if claim == "email" && verified.is_some_and(|verified| *verified != Value::Bool(true)) {
            return Err(OidcError::refused(
                "the token's claim `email_verified` is not true: verify the address with the issuer",
            ));
        }
        let user = format!("{}{name}", self.username_prefix);
        let foreign = |letter: char| letter == ',' || letter.is_whitespace() || letter.is_control();
        if user.chars().count() > LONGEST_USER || user.contains(foreign) {
            return Err(OidcError::refused(format!(
                "the user's name, from the claim `{claim}`, is longer than {LONGEST_USER} characters or has a space or a comma, \
                 which no session's user has: set --oidc-username-claim or --oidc-username-prefix"
            )));
        }
        not_reserved(&user, "--oidc-username-prefix")?;
        Ok(user)
    }

    fn groups(&self, claims: &Claims) -> Result<Vec<String>, OidcError> {
        let Some(claim) = &self.groups_claim else {
            return Ok(Vec::new());
        };
        let groups: Option<Vec<&str>> = match claims.get(claim) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::String(one)) => Some(vec![one]),
            Some(Value::Array(many)) => many.iter().map(Value::as_str).collect(),
            Some(_) => None,
        };
        let groups = groups.ok_or_else(|| {
            OidcError::refused(format!(
                "the token's claim `{claim}`, which is the user's groups, is no text and no list of texts: set --oidc-groups-claim"
            ))
        })?;
        let prefixed = |group| format!("{}{group}", self.groups_prefix);
        let groups: Vec<String> = groups.into_iter().map(prefixed).collect();
        for group in &groups {
            not_reserved(group, "--oidc-groups-prefix")?;
        }
        Ok(groups)
    }
}

/// An issuer must not be able to make anyone a user or a group of the cluster's own, such as `system:masters`.
fn not_reserved(name: &str, flag: &str) -> Result<(), OidcError> {
    if !name.starts_with(RESERVED) {
        return Ok(());
    }
    Err(OidcError::refused(format!(
        "the token names a user or a group that begins with `{RESERVED}`, as Kubernetes' own do: set {flag}"
    )))
}

/// When the token expires, if it is good now.
fn times(claims: &Claims, now: Timestamp) -> Result<Timestamp, OidcError> {
    let leeway = SignedDuration::try_from(LEEWAY).expect("half a minute fits");
    let expires = time(claims, "exp")?.ok_or_else(|| {
        OidcError::refused("the token has no claim `exp`: only tokens that expire are accepted")
    })?;
    if now.duration_since(expires) >= leeway {
        return Err(OidcError::refused("the token has expired: get a new one"));
    }
    for name in ["nbf", "iat"] {
        let begins = time(claims, name)?;
        if begins.is_some_and(|begins| begins.duration_since(now) > leeway) {
            return Err(OidcError::refused(format!(
                "the token's claim `{name}` is in the future: use it later, or set the clocks of issuer and gateway"
            )));
        }
    }
    Ok(expires)
}

/// A NumericDate of RFC 7519: seconds since 1970, perhaps with a fraction, which is cut off.
fn time(claims: &Claims, name: &str) -> Result<Option<Timestamp>, OidcError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    // A number that is too large becomes the largest, which is no time.
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64));
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = time.ok_or_else(|| {
        OidcError::refused(format!(
            "the token's claim `{name}` is not a time: it must be seconds since 1970"
        ))
    })?;
    Ok(Some(time))
}
