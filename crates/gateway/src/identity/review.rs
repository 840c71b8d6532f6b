//! Whose token it is, by the API server's TokenReview. Asks the API server; remembers for at most a minute.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use kube::Client;
use kube::api::{Api, PostParams};
use moka::Expiry;
use moka::future::Cache;
use sparkconnect_telemetry::spans::within;
use tokio::sync::Semaphore;

use super::{PATIENCE, Person, REMEMBERED, fit, key_of};
use crate::directory::TokenHash;
use crate::refusal::Refusal;
use crate::spans;

/// How long a person is known by a token without asking again: so long goes one that was revoked on.
const KNOWN: Duration = Duration::from_secs(60);
/// How long nobody is asked again about a token that is nobody's.
const UNKNOWN: Duration = Duration::from_secs(10);
/// Questions at a time: whoever sends made-up tokens does not keep the API server busy.
const QUESTIONS: usize = 32;
/// Questions that wait for their turn: until it is known whose a call is, what its client sends is kept.
const WAITING: usize = 256;

/// What was said of a token.
type Answer = Result<Arc<Person>, Refusal>;

/// Asks whose tokens are.
#[derive(Debug)]
pub struct Reviews {
    api: Api<TokenReview>,
    audience: String,
    answers: Cache<TokenHash, Answer>,
    questions: Semaphore,
    waiting: Semaphore,
}

impl Reviews {
    /// Of tokens for `audience`.
    pub fn new(client: Client, audience: String) -> Self {
        let answers = Cache::builder()
            .max_capacity(REMEMBERED)
            .expire_after(Lasting);
        Self {
            api: Api::all(client),
            audience,
            answers: answers.build(),
            questions: Semaphore::new(QUESTIONS),
            waiting: Semaphore::new(QUESTIONS + WAITING),
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// When it is nobody's, or the API server does not say.
    pub async fn person(&self, token: &str) -> Answer {
        let known = self.answers.try_get_with(key_of(token), self.ask(token));
        known.await.unwrap_or_else(|error| Err((*error).clone()))
    }

    /// The outer error is not remembered: it says nothing of the token.
    async fn ask(&self, token: &str) -> Result<Answer, Refusal> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(unsaid("too many tokens are asked about"));
        };
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.to_owned()),
                audiences: Some(vec![self.audience.clone()]),
            },
            ..TokenReview::default()
        };
        let parameters = PostParams::default();
        let asked = async {
            let _question = self.questions.acquire().await.expect("it is never closed");
            within(spans::review_token(), self.api.create(&parameters, &review)).await
        };
        let review = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(review)) => review,
            Ok(Err(error)) => return Err(unsaid(error)),
            Err(late) => return Err(unsaid(late)),
        };
        let status = review.status.unwrap_or_default();
        let audiences = status.audiences.unwrap_or_default();
        // An authenticator that does not know of audiences returns none: its word is not enough.
        if status.authenticated != Some(true) || !audiences.contains(&self.audience) {
            return Ok(Err(Refusal::UnknownJwt {
                audience: self.audience.clone(),
            }));
        }
        Ok(fit(person(status.user.unwrap_or_default())).map(Arc::new))
    }
}

fn unsaid(error: impl Display) -> Refusal {
    tracing::warn!(%error, "the API server does not say whose token it is");
    Refusal::Unsaid {
        what: "who you are",
    }
}

fn person(user: UserInfo) -> Person {
    Person {
        user: user.username.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        uid: user.uid.filter(|uid| !uid.is_empty()),
        extra: user.extra.unwrap_or_default(),
    }
}

/// How long answers last.
struct Lasting;

impl Expiry<TokenHash, Answer> for Lasting {
    fn expire_after_create(&self, _: &TokenHash, answer: &Answer, _: Instant) -> Option<Duration> {
        Some(if answer.is_ok() { KNOWN } else { UNKNOWN })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::StreamExt;
    use futures::stream::FuturesUnordered;
    use http::Response;
    use kube::client::Body;
    use tower::service_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_api_server_keeps_few_callers_waiting_and_none_for_long() {
        let silent = service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>());
        let reviews = Reviews::new(Client::new(silent, "default"), "sparkconnect".to_owned());
        let many = QUESTIONS + WAITING + 1;
        let tokens: Vec<_> = (0..many).map(|number| format!("a.b.{number}")).collect();
        let mut asked: FuturesUnordered<_> = tokens.iter().map(|it| reviews.person(it)).collect();
        let began = tokio::time::Instant::now();
        let mut told = Vec::new();
        while let Some(answer) = asked.next().await {
            assert!(matches!(answer, Err(Refusal::Unsaid { .. })), "{answer:?}");
            told.push(began.elapsed());
        }
        assert_eq!(told.len(), many);
        assert!(told[0] < PATIENCE, "one too many is refused at once");
        assert!(
            told[1] >= PATIENCE && told[many - 1] < PATIENCE * 2,
            "{told:?}"
        );
    }
}
