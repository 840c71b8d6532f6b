//! The service `sparkconnect.gateway.v1`. No I/O of its own.

use jiff::Timestamp;
use sparkconnect_proto::gateway::v1::gateway_service_server::GatewayService;
use sparkconnect_proto::gateway::v1::{CollectRequest, CollectResponse, SessionCounts};
use tonic::{Request, Response, Status};

use crate::counts::{Counts, Ledger};

/// Tells what the ledger has.
#[derive(Clone, Debug)]
pub(super) struct Collect(pub(super) Ledger);

#[tonic::async_trait]
impl GatewayService for Collect {
    async fn collect(
        &self,
        request: Request<CollectRequest>,
    ) -> Result<Response<CollectResponse>, Status> {
        let CollectRequest { instance, cursor } = request.into_inner();
        let ledger = &self.0;
        // A cursor of another gateway, or of this one before it was restarted, means nothing here.
        let since = if instance == ledger.instance() {
            cursor
        } else {
            0
        };
        let collected = ledger.collect(since);
        let sessions = collected.sessions.into_iter();
        Ok(Response::new(CollectResponse {
            instance: ledger.instance().to_owned(),
            started_ms: ledger.started().as_millisecond(),
            cursor: collected.cursor,
            more: collected.more,
            sessions: sessions.map(|(uid, counts)| told(uid, counts)).collect(),
        }))
    }
}

fn told(uid: String, counts: Counts) -> SessionCounts {
    SessionCounts {
        uid,
        queries: counts.queries,
        failed: counts.failed,
        artifacts: counts.artifacts,
        running: counts.running,
        last_activity_ms: counts.last_activity.map_or(0, Timestamp::as_millisecond),
    }
}
