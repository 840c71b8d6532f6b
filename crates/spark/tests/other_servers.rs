//! What is not a healthy Spark Connect server: nothing, something silent, something else, one that damages.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use sparkconnect_proto::spark::connect as wire;
use sparkconnect_proto::spark::connect::spark_connect_service_server::{
    SparkConnectService, SparkConnectServiceServer,
};
use sparkconnect_spark::{Artifact, Endpoint, Error, SessionRef, SparkServer, Timeouts};
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

fn client(port: u16) -> SparkServer {
    let short = Duration::from_millis(300);
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        grpc_port: port,
        tls: None,
        metadata: Vec::new(),
        ui_port: None,
        token: None,
        timeouts: Timeouts {
            call: short,
            ..Timeouts::default()
        },
    };
    SparkServer::new(&endpoint).expect("a client")
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let (listener, port) = listen();
    drop(listener);
    let refused = client(port).probe().await;
    let Err(Error::Unreachable { message, .. }) = &refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("refused"), "{message}");
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let (_listener, port) = listen();
    let refused = client(port).probe().await;
    assert!(
        matches!(refused, Err(Error::TimedOut { .. })),
        "{refused:?}"
    );
}

/// Answers as a server that has every session, receives every artifact damaged, and notes who is made and released.
#[derive(Default)]
struct Damaging {
    made: Mutex<Vec<String>>,
    released: Mutex<Vec<String>>,
}

#[async_trait]
impl SparkConnectService for Damaging {
    async fn analyze_plan(
        &self,
        request: Request<wire::AnalyzePlanRequest>,
    ) -> Result<Response<wire::AnalyzePlanResponse>, Status> {
        self.made
            .lock()
            .expect("no panic")
            .push(request.into_inner().session_id);
        let version = wire::analyze_plan_response::SparkVersion {
            version: "4.1.4".to_owned(),
        };
        Ok(Response::new(wire::AnalyzePlanResponse {
            result: Some(wire::analyze_plan_response::Result::SparkVersion(version)),
            ..wire::AnalyzePlanResponse::default()
        }))
    }
    async fn config(
        &self,
        _: Request<wire::ConfigRequest>,
    ) -> Result<Response<wire::ConfigResponse>, Status> {
        Err(Status::internal("not in this test"))
    }
    async fn add_artifacts(
        &self,
        request: Request<Streaming<wire::AddArtifactsRequest>>,
    ) -> Result<Response<wire::AddArtifactsResponse>, Status> {
        let mut messages = request.into_inner();
        while messages.message().await?.is_some() {}
        let summary = wire::add_artifacts_response::ArtifactSummary {
            name: "files/a".to_owned(),
            is_crc_successful: false,
        };
        Ok(Response::new(wire::AddArtifactsResponse {
            artifacts: vec![summary],
            ..wire::AddArtifactsResponse::default()
        }))
    }
    async fn interrupt(
        &self,
        _: Request<wire::InterruptRequest>,
    ) -> Result<Response<wire::InterruptResponse>, Status> {
        Err(Status::internal("not in this test"))
    }
    async fn release_execute(
        &self,
        _: Request<wire::ReleaseExecuteRequest>,
    ) -> Result<Response<wire::ReleaseExecuteResponse>, Status> {
        Ok(Response::new(wire::ReleaseExecuteResponse::default()))
    }
    async fn release_session(
        &self,
        request: Request<wire::ReleaseSessionRequest>,
    ) -> Result<Response<wire::ReleaseSessionResponse>, Status> {
        self.released
            .lock()
            .expect("no panic")
            .push(request.into_inner().session_id);
        Ok(Response::new(wire::ReleaseSessionResponse::default()))
    }
    async fn get_status(
        &self,
        _: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        Err(Status::internal("not in this test"))
    }
}

/// Serves HTTP/2 until the runtime of the test ends.
async fn serve<S, B>(service: S) -> u16
where
    S: tower::Service<http::Request<Incoming>, Response = http::Response<B>> + Clone,
    S: Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    port
}

async fn damaging() -> SparkServer {
    client(serve(SparkConnectServiceServer::new(Damaging::default())).await)
}

#[tokio::test]
async fn an_artifact_that_arrived_damaged_is_an_error() {
    let session = SessionRef::new("anna", Uuid::new_v4());
    let artifact = Artifact {
        name: "files/a".to_owned(),
        content: "a".into(),
    };
    let refused = damaging().await.add_artifacts(&session, &[artifact]).await;
    assert!(
        matches!(refused, Err(Error::ArtifactCorrupt { ref name }) if name == "files/a"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_session_made_to_ask_for_the_version_is_released() {
    let fake = Arc::new(Damaging::default());
    let server = client(serve(SparkConnectServiceServer::from_arc(Arc::clone(&fake))).await);
    assert_eq!(
        server.version("operator").await.expect("a version"),
        "4.1.4"
    );
    let made = fake.made.lock().expect("no panic").clone();
    assert_eq!(made.len(), 1);
    assert_eq!(*fake.released.lock().expect("no panic"), made);
}

#[tokio::test]
async fn a_server_that_knows_every_session_fails_the_probe() {
    let refused = damaging().await.probe().await;
    assert!(
        matches!(refused, Err(Error::NotSparkConnect { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_grpc_server_of_something_else_fails_the_probe() {
    let other = tower::service_fn(|_: http::Request<Incoming>| async {
        Ok::<_, Infallible>(
            Status::unimplemented("no such service").into_http::<tonic::body::Body>(),
        )
    });
    let refused = client(serve(other).await).probe().await;
    assert!(
        matches!(refused, Err(Error::NotSparkConnect { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_web_server_over_http_2_fails_the_probe() {
    let other = tower::service_fn(|_: http::Request<Incoming>| async {
        let found = http::Response::builder()
            .status(404)
            .body(tonic::body::Body::empty());
        Ok::<_, Infallible>(found.expect("a valid response"))
    });
    let refused = client(serve(other).await).probe().await;
    assert!(
        matches!(refused, Err(Error::NotSparkConnect { .. })),
        "{refused:?}"
    );
}
