//! Whether somebody may use a server, by the API server's SubjectAccessReview: plain RBAC, the verb `connect` on the
//! SparkConnectServer. Asks the API server; remembers for a short while.

use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use kube::{Client, Resource};
use moka::Expiry;
use moka::future::Cache;
use sparkconnect_api::SparkConnectServer;
use sparkconnect_telemetry::spans::within;

use super::{PATIENCE, Person, REMEMBERED};
use crate::directory::Name;
use crate::refusal::Refusal;
use crate::spans;

/// The verb that a person needs on a server.
const VERB: &str = "connect";
/// How long a yes holds: so long goes one whose right was taken away on.
const YES: Duration = Duration::from_secs(30);
/// How long a no holds.
const NO: Duration = Duration::from_secs(5);

type Question = ([u8; 32], Name);

/// Asks who may use which server.
#[derive(Debug)]
pub struct Access {
    api: Api<SubjectAccessReview>,
    answers: Cache<Question, bool>,
}

impl Access {
    /// Nothing asked yet.
    pub fn new(client: Client) -> Self {
        let answers = Cache::builder()
            .max_capacity(REMEMBERED)
            .expire_after(Lasting);
        Self {
            api: Api::all(client),
            answers: answers.build(),
        }
    }

    /// Makes sure that `person` may use `server`.
    ///
    /// # Errors
    /// When they may not, or the API server does not say.
    pub async fn check(&self, person: &Person, server: &Name) -> Result<(), Refusal> {
        let question = (person.key(), server.clone());
        let answer = self
            .answers
            .try_get_with(question, self.ask(person, server));
        match answer.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::MayNot {
                user: person.user.clone(),
                server: server.clone(),
            }),
            Err(error) => Err((*error).clone()),
        }
    }

    async fn ask(&self, person: &Person, server: &Name) -> Result<bool, Refusal> {
        let review = SubjectAccessReview {
            spec: question(person, server),
            ..SubjectAccessReview::default()
        };
        let parameters = PostParams::default();
        let asked = within(
            spans::review_access(),
            self.api.create(&parameters, &review),
        );
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        match asked {
            Ok(Ok(review)) => Ok(review.status.is_some_and(|status| status.allowed)),
            Ok(Err(error)) => Err(unsaid(&error)),
            Err(late) => Err(unsaid(&late)),
        }
    }
}

fn unsaid(error: &dyn std::error::Error) -> Refusal {
    tracing::warn!(%error, "the API server does not say who may use a server");
    Refusal::Unsaid {
        what: "what you may do",
    }
}

fn question(person: &Person, server: &Name) -> SubjectAccessReviewSpec {
    SubjectAccessReviewSpec {
        user: Some(person.user.clone()),
        groups: Some(person.groups.clone()),
        uid: person.uid.clone(),
        extra: Some(person.extra.clone()),
        resource_attributes: Some(ResourceAttributes {
            group: Some(SparkConnectServer::group(&()).into_owned()),
            resource: Some(SparkConnectServer::plural(&()).into_owned()),
            namespace: Some(server.namespace.clone()),
            name: Some(server.name.clone()),
            verb: Some(VERB.to_owned()),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}

/// How long answers last.
struct Lasting;

impl Expiry<Question, bool> for Lasting {
    fn expire_after_create(&self, _: &Question, yes: &bool, _: Instant) -> Option<Duration> {
        Some(if *yes { YES } else { NO })
    }
}
