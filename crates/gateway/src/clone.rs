//! CloneSession: the replica makes another session like this one, and a SparkSession comes to tell of it, so that the clone has a
//! life, an owner and metrics like any other. Does I/O with the client, the replica and the API server.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use sparkconnect_telemetry::RequestId;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::ad_hoc::Making;
use crate::answer::Answer;
use crate::counts::Call;
use crate::directory::{Replica, Session};
use crate::message::{Begun, whole, with};
use crate::proxy::Proxy;
use crate::record::Metered;
use crate::refusal::Refusal;
use crate::rpc::Rpc;

/// Longest request and answer, in bytes: they hold a few ids.
const LONGEST: u32 = 64 << 10;

/// A clone that is being made.
pub(crate) struct Clone<'a> {
    id: String,
    _making: Making<'a>,
}

impl Clone<'_> {
    /// What is put behind the message of the call: the clone's id too, for a client that leaves it open.
    pub(crate) fn suffix(&self, suffix: &Bytes) -> Bytes {
        let field = Rpc::CloneSession.subject_field();
        field.map_or_else(|| suffix.clone(), |field| with(suffix, field, &self.id))
    }
}

impl Proxy {
    /// The clone that a call of CloneSession asks for.
    pub(crate) async fn clone_of(
        &self,
        body: &mut Metered<Incoming>,
        begun: &mut Begun,
        session: &Session,
    ) -> Result<Clone<'_>, Refusal> {
        let field = Rpc::CloneSession.subject_field().unwrap_or_default();
        let reading = whole(body, begun, field, LONGEST);
        let named = tokio::time::timeout(self.limits.first_message, reading).await;
        let seconds = self.limits.first_message.as_secs();
        let id = match named.map_err(|_| Refusal::Late { seconds })?? {
            Some(id) if Uuid::parse_str(&id).is_ok_and(|uuid| uuid.to_string() == id) => id,
            Some(_) => return Err(Refusal::NoUuid),
            None => Uuid::new_v4().to_string(),
        };
        let _making = self.ad_hoc.making(&session.user, &id)?;
        Ok(Clone { id, _making })
    }

    /// The replica's answer, once there is a SparkSession for the clone.
    pub(crate) async fn cloned(
        &self,
        clone: Clone<'_>,
        session: &Session,
        replica: &Replica,
        answer: Response<Incoming>,
        mut call: Call,
        request: &RequestId,
    ) -> Result<Response<Answer>, Refusal> {
        let (head, body) = answer.into_parts();
        let broken = |_| Refusal::Unreachable {
            replica: replica.name.clone(),
        };
        let collected = Limited::new(body, LONGEST as usize).collect().await;
        let collected = collected.map_err(broken)?;
        let trailers = collected.trailers().cloned();
        if let Some(trailers) = &trailers {
            call.ended(trailers);
        }
        if trailers.as_ref().is_some_and(is_ok) {
            let adopted = self.ad_hoc.adopt(session, replica, &clone.id, request);
            adopted.await?;
        }
        let bytes = Some(collected.to_bytes()).filter(|bytes| !bytes.is_empty());
        Ok(Response::from_parts(head, Answer::Whole(bytes, trailers)))
    }
}

fn is_ok(trailers: &HeaderMap) -> bool {
    Status::from_header_map(trailers).is_some_and(|status| status.code() == Code::Ok)
}
