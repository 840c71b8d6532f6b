//! Every claim: missing, wrong, at its bounds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::claims::Rules;
use super::fixtures::{AUDIENCE, NOW, claims};
use super::{OidcError, Person};

const ISSUER: &str = "https://issuer.example";

fn rules(username_claim: &str, groups_claim: Option<&str>) -> Rules {
    Rules {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        username_claim: username_claim.to_owned(),
        username_prefix: "oidc:".to_owned(),
        groups_claim: groups_claim.map(str::to_owned),
        groups_prefix: "oidc:".to_owned(),
    }
}

fn person(rules: &Rules, others: &Value) -> Result<Person, String> {
    let claims = claims(ISSUER, others);
    let now = Timestamp::from_second(NOW).unwrap();
    match rules.person(claims.as_object().unwrap(), now) {
        Ok(person) => Ok(person),
        Err(OidcError::Refused { why }) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(rules: &Rules, others: &Value, told: &str) {
    let why = person(rules, others).expect_err(&others.to_string());
    assert!(why.contains(told), "{others}: {why}");
}

#[test]
fn a_good_token_is_somebodys() {
    let person = person(&rules("sub", None), &json!({})).unwrap();
    assert_eq!(person.user, "oidc:ada");
    assert_eq!(person.groups, Vec::<String>::new());
    assert_eq!(person.expires.as_second(), NOW + 600);
}

#[test]
fn issuer_and_audience_are_required() {
    let rules = rules("sub", None);
    for wrong in [
        json!(null),
        json!("https://issuer.example/"),
        json!([ISSUER]),
        json!(7),
    ] {
        refused(&rules, &json!({"iss": wrong}), "`iss`");
    }
    for wrong in [
        json!(null),
        json!("other"),
        json!([]),
        json!(["a", 7]),
        json!({}),
        json!("sparkconnect2"),
    ] {
        refused(&rules, &json!({"aud": wrong}), "`aud`");
    }
    assert!(person(&rules, &json!({"aud": ["other", AUDIENCE]})).is_ok());
}

#[test]
fn a_token_is_good_between_its_times_and_half_a_minute_more() {
    let rules = rules("sub", None);
    refused(&rules, &json!({"exp": null}), "no claim `exp`");
    refused(&rules, &json!({"exp": NOW - 30}), "expired");
    for wrong in [
        json!("soon"),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!([]),
    ] {
        for name in ["exp", "nbf", "iat"] {
            refused(
                &rules,
                &json!({name: wrong}),
                &format!("`{name}` is not a time"),
            );
        }
    }
    for name in ["nbf", "iat"] {
        refused(
            &rules,
            &json!({name: NOW + 31}),
            &format!("`{name}` is in the future"),
        );
    }
    let good = json!({"exp": NOW - 29, "nbf": NOW + 30, "iat": NOW + 30});
    for good in [
        good,
        json!({"nbf": null, "iat": null, "exp": NOW as f64 + 0.5}),
    ] {
        assert!(person(&rules, &good).is_ok(), "{good}");
    }
}

#[test]
fn a_user_is_one_that_a_session_can_have() {
    let rules = rules("sub", None);
    for wrong in [json!(null), json!(""), json!(7), json!(["ada"])] {
        refused(&rules, &json!({"sub": wrong}), "`sub`");
    }
    let longest = "é".repeat(253 - "oidc:".len());
    let too_long = format!("{longest}x");
    for wrong in [
        "a b",
        "a,b",
        "a\tb",
        "a\u{a0}b",
        "a\u{0}b",
        too_long.as_str(),
    ] {
        refused(&rules, &json!({"sub": wrong}), "--oidc-username-claim");
    }
    assert!(person(&rules, &json!({"sub": longest})).is_ok());
}

#[test]
fn an_address_must_not_be_one_that_is_not_verified() {
    let rules = rules("email", None);
    for wrong in [json!(false), json!("true"), json!(1)] {
        refused(
            &rules,
            &json!({"email": "a@b", "email_verified": wrong}),
            "`email_verified`",
        );
    }
    refused(&rules, &json!({}), "`email`");
    for good in [json!(true), json!(null)] {
        let person = person(&rules, &json!({"email": "a@b", "email_verified": good})).unwrap();
        assert_eq!(person.user, "oidc:a@b");
    }
    let by_name = self::rules("sub", None);
    assert!(person(&by_name, &json!({"email_verified": false})).is_ok());
}

#[test]
fn groups_are_a_text_or_a_list() {
    let rules = rules("sub", Some("groups"));
    for (groups, told) in [
        (json!(null), &[][..]),
        (json!("a"), &["oidc:a"]),
        (json!(["a", "b"]), &["oidc:a", "oidc:b"]),
        (json!([]), &[]),
    ] {
        assert_eq!(
            person(&rules, &json!({"groups": groups})).unwrap().groups,
            told
        );
    }
    for wrong in [json!(7), json!(["a", 7]), json!({"a": "b"})] {
        refused(&rules, &json!({"groups": wrong}), "`groups`");
    }
}

#[test]
fn nobody_becomes_a_user_or_a_group_of_the_clusters_own() {
    let mut rules = rules("sub", Some("groups"));
    rules.username_prefix.clear();
    rules.groups_prefix.clear();
    refused(
        &rules,
        &json!({"sub": "system:kube-scheduler"}),
        "--oidc-username-prefix",
    );
    refused(
        &rules,
        &json!({"groups": ["a", "system:masters"]}),
        "--oidc-groups-prefix",
    );
}
