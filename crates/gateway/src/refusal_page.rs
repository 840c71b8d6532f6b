//! The reference page of refusals: one of each, in its own words, and what helps. Reads the page, or writes it.

use std::fmt::Write;

use sparkconnect_testkit::page;

use super::*;
use crate::message::Malformed;

/// One of each. A new one has no line in [`cure`] and does not compile; give it one here too.
fn every_one() -> Vec<Refusal> {
    let (name, server) = ("team/ada".to_owned(), Name::new("team", "demo"));
    let (own, called) = (own(), called());
    let (why, user) = ("WHY".to_owned(), "USER".to_owned());
    let limit = 1000;
    let of_callers = vec![
        Refusal::NoToken,
        Refusal::UnknownToken,
        Refusal::UnknownJwt {
            audience: "sparkconnect".to_owned(),
        },
        Refusal::UntrustedToken { why: why.clone() },
        Refusal::SilentIssuer { why: why.clone() },
        Refusal::UnfitUser { user: user.clone() },
        Refusal::Unsaid {
            what: "who you are",
        },
        Refusal::MayNot {
            user,
            server: server.clone(),
        },
    ];
    let of_sessions = [
        Refusal::NoServer,
        Refusal::UnknownServer(server),
        Refusal::NoSession { id: own.clone() },
        Refusal::NoUuid,
        Refusal::NotMade { why: why.clone() },
        Refusal::NotYourSession { own, called },
        Refusal::Ended {
            name: name.clone(),
            why: why.clone(),
        },
        Refusal::NotReady { name, why },
        Refusal::Unreachable {
            replica: "demo-0".to_owned(),
        },
    ];
    let of_calls = [
        Refusal::UnknownMethod("/PATH".to_owned()),
        Refusal::NotGrpc,
        Refusal::Late { seconds: 30 },
        Refusal::TooMany {
            what: "calls of one user",
            limit,
        },
    ];
    let mut all = of_callers;
    all.extend(of_sessions);
    all.extend(of_calls);
    all.extend(messages().map(Refusal::from));
    all
}

fn own() -> String {
    "UUID".to_owned()
}

fn called() -> String {
    "OTHER-UUID".to_owned()
}

fn messages() -> [Unfit; 6] {
    [
        Unfit::Compressed,
        Unfit::TooLong {
            length: 200_000_000,
            limit: 128 << 20,
        },
        Unfit::Malformed(Malformed::Length),
        Unfit::NoSession,
        Unfit::Cut,
        Unfit::OtherSession {
            expected: own(),
            found: called(),
        },
    ]
}

/// What helps.
const fn cure(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoToken => "Use the whole URL of the connection Secret.",
        Refusal::UnknownToken => {
            "Read the connection Secret anew; of a session that has ended there is none."
        }
        Refusal::UnknownJwt { .. } => "Make a new token, for that audience.",
        Refusal::UntrustedToken { .. } => {
            "Sign in anew. If that does not help, compare the `--oidc-*` settings with the token's claims."
        }
        Refusal::SilentIssuer { .. } => {
            "Nothing: PySpark tries again. If it lasts, the gateway does not reach the issuer."
        }
        Refusal::UnfitUser { .. } => {
            "Have the issuer's claim, or `spec.user`, name the user in another way."
        }
        Refusal::Unsaid { .. } => {
            "Nothing: PySpark tries again. If it lasts, the gateway does not reach the API server, or lacks `system:auth-delegator`."
        }
        Refusal::MayNot { .. } => {
            "Bind the user to the ClusterRole `sparkconnect-connect` in the server's namespace."
        }
        Refusal::NoServer => "Name the server, or use the URL of a session.",
        Refusal::UnknownServer(_) => "Look at name and namespace: `kubectl get scs -A`.",
        Refusal::NoSession { .. } => "Leave `session_id` out of the URL, or make a SparkSession.",
        Refusal::NoUuid => "Leave `session_id` out of the URL, or write it in lower case.",
        Refusal::NotMade { .. } => {
            "The text has the API server's words: often a quota, or an admission policy."
        }
        Refusal::NotYourSession { .. } => "Use the whole URL of the connection Secret.",
        Refusal::Ended { .. } => {
            "Make a new SparkSession. `kubectl describe` of the old one says what ended it."
        }
        Refusal::NotReady { .. } => {
            "Nothing: PySpark tries again until the session is ready. The text says what it waits for."
        }
        Refusal::Unreachable { .. } => {
            "Nothing: PySpark tries again. If it lasts, look at the replica's log."
        }
        Refusal::UnknownMethod(_) => {
            "Upgrade the gateway where a newer PySpark makes calls that it does not know."
        }
        Refusal::NotGrpc => "Connect with PySpark; a proxy on the way must pass gRPC on.",
        Refusal::Late { .. } => "Look for a proxy on the way that holds data back.",
        Refusal::TooMany { .. } => "End some, or raise the [setting](gateway-settings.md).",
        Refusal::Unfit(Unfit::Compressed) => "Do not set `grpc.default_compression_algorithm`.",
        Refusal::Unfit(Unfit::TooLong { .. }) => {
            "Send less at a time: write large local data to files instead. `--max-message-bytes` is the limit."
        }
        Refusal::Unfit(Unfit::OtherSession { .. }) => {
            "Use one PySpark session for each session's URL."
        }
        Refusal::Unfit(Unfit::Malformed(_) | Unfit::NoSession | Unfit::Cut) => {
            "Connect with PySpark, unchanged."
        }
    }
}

/// The status as gRPC's documents write it.
fn status(code: Code) -> String {
    let mut text = String::new();
    for (at, letter) in format!("{code:?}").char_indices() {
        if at > 0 && letter.is_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[test]
fn the_page_of_refusals_has_every_one() {
    let mut text = String::from(
        "# What the gateway refuses\n\n\
         A call that does not go on is answered with a status of gRPC and a text, which PySpark shows. `UNAVAILABLE` is what passes by itself: PySpark tries such a\n\
         call again. The reason is the label of the metric `sparkconnect_gateway_refusals_total`, and in the gateway's log. What is in capitals stands for\n\
         what is told in its place; after each text comes the id of the request.\n\n\
         | Status | Reason | Text | What helps |\n|---|---|---|---|\n",
    );
    for refusal in every_one() {
        let said = refusal.to_string().replace('|', "\\|");
        let (status, reason) = (status(refusal.code()), refusal.reason());
        let _ = writeln!(
            text,
            "| `{status}` | `{reason}` | {said} | {} |",
            cure(&refusal)
        );
    }
    page::hold("refusals.md", &text);
}
