//! One server: its connection, its health and its version. Does I/O: gRPC.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sparkconnect_proto::spark::connect::spark_connect_service_client::SparkConnectServiceClient;
use sparkconnect_proto::spark::connect::{
    AnalyzePlanRequest, analyze_plan_request, analyze_plan_response,
};
use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::spark_error::classify;
use crate::{Endpoint, Error, SessionRef, Timeouts, Tls};

/// What the server's log shows as the client.
const CLIENT: &str = concat!("sparkconnect/", env!("CARGO_PKG_VERSION"));

/// TCP keepalive finds a vanished host. HTTP/2 pings do not come into question: Spark before 4.3 answers them with GOAWAY.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

pub(crate) type Client = SparkConnectServiceClient<Channel>;

type Header = (MetadataKey<Ascii>, MetadataValue<Ascii>);

/// A live Spark Connect server. Clones share one connection, which is made at the first call and made anew when lost.
#[derive(Clone, Debug)]
pub struct SparkServer {
    connection: Arc<Connection>,
}

#[derive(Debug)]
struct Connection {
    transport: tonic::transport::Endpoint,
    channel: Mutex<Channel>,
    headers: Vec<Header>,
    timeouts: Timeouts,
}

impl SparkServer {
    /// A client of the server at `endpoint`; connects at the first call. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the host or the token cannot be what they should.
    pub fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let mut transport = tonic::transport::Endpoint::from(endpoint.grpc_uri()?)
            .connect_timeout(endpoint.timeouts.connect)
            .tcp_keepalive(Some(TCP_KEEPALIVE))
            .tcp_nodelay(true)
            .user_agent(CLIENT)
            .expect("a crate's name and version make a valid header");
        if let Some(tls) = &endpoint.tls {
            transport =
                transport
                    .tls_config(tls_config(tls))
                    .map_err(|error| Error::InvalidTls {
                        message: innermost(&error),
                    })?;
        }
        let channel = Mutex::new(transport.connect_lazy());
        let timeouts = endpoint.timeouts;
        Ok(Self {
            connection: Arc::new(Connection {
                transport,
                channel,
                headers: headers(endpoint)?,
                timeouts,
            }),
        })
    }

    /// Whether a Spark Connect server answers there and takes the token. Makes no session and touches none.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::TimedOut`], [`Error::NotSparkConnect`], [`Error::Unauthenticated`], or
    /// [`Error::Other`] when Spark answers, but not as a healthy server does.
    pub async fn probe(&self) -> Result<(), Error> {
        let nobody = SessionRef::new("", Uuid::new_v4());
        match self.look_for(&nobody).await {
            Err(Error::SessionNotFound) => Ok(()),
            Err(Error::Unsupported { .. }) => Err(Error::NotSparkConnect {
                message: "it does not have the service spark.connect.SparkConnectService"
                    .to_owned(),
            }),
            Err(error) => Err(error),
            Ok(_) => Err(Error::NotSparkConnect {
                message: "it knows a session that nobody made".to_owned(),
            }),
        }
    }

    /// The server's Spark version, such as `4.1.4`. Asking makes a session of `user`, which is released at once.
    ///
    /// # Errors
    /// As for every call; [`Error::NotSparkConnect`] when the answer holds no version.
    pub async fn version(&self, user: &str) -> Result<String, Error> {
        let session = SessionRef::new(user, Uuid::new_v4());
        let answer = self.version_for(&session).await;
        if let Err(error) = self.release(&session).await {
            tracing::warn!(%error, "the session made to ask for the version was not released");
        }
        answer
    }

    /// The server's Spark version, asked for in `session`, which is made if it is not there.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn version_for(&self, session: &SessionRef) -> Result<String, Error> {
        let request = AnalyzePlanRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            client_type: client_type(),
            analyze: Some(analyze_plan_request::Analyze::SparkVersion(
                analyze_plan_request::SparkVersion {},
            )),
            client_observed_server_side_session_id: None,
        };
        let answer = self
            .call(
                "AnalyzePlan",
                self.timeouts().call,
                request,
                |mut client, request| async move { client.analyze_plan(request).await },
            )
            .await?;
        match answer.result {
            Some(analyze_plan_response::Result::SparkVersion(answer)) => Ok(answer.version),
            None => Err(Error::NotSparkConnect {
                message: "it has no version".to_owned(),
            }),
        }
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.connection.timeouts
    }

    /// One call, bounded in time.
    pub(crate) async fn call<M, T, F>(
        &self,
        name: &'static str,
        patience: Duration,
        message: M,
        send: impl FnOnce(Client, Request<M>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.try_call(name, patience, message, send)
            .await
            .map_err(|failure| failure.error)
    }

    /// As [`Self::call`], with the status for those who want to read more out of it.
    pub(crate) async fn try_call<M, T, F>(
        &self,
        name: &'static str,
        patience: Duration,
        message: M,
        send: impl FnOnce(Client, Request<M>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut request = Request::new(message);
        for (name, value) in &self.connection.headers {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        match tokio::time::timeout(patience, send(self.client(), request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => {
                let error = classify(status.clone(), name, patience);
                Err(Failure {
                    error,
                    status: Some(Box::new(status)),
                })
            }
            Err(_elapsed) => {
                self.reconnect();
                Err(Failure {
                    error: Error::TimedOut { after: patience },
                    status: None,
                })
            }
        }
    }

    fn client(&self) -> Client {
        Client::new(self.channel().clone())
    }

    /// A connection that gave no answer may be to a host that is gone, which TCP notices late; the next call resolves
    /// the name and connects anew.
    fn reconnect(&self) {
        *self.channel() = self.connection.transport.connect_lazy();
    }

    fn channel(&self) -> std::sync::MutexGuard<'_, Channel> {
        self.connection
            .channel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn headers(endpoint: &Endpoint) -> Result<Vec<Header>, Error> {
    let mut headers = Vec::new();
    for (name, value) in &endpoint.metadata {
        let key = name.parse().ok();
        let header = key.zip(value.plain_header());
        headers.push(header.ok_or_else(|| Error::InvalidMetadata { name: name.clone() })?);
    }
    if let Some(token) = &endpoint.token {
        let value = token.header().ok_or(Error::InvalidToken)?;
        headers.push((MetadataKey::from_static("authorization"), value));
    }
    Ok(headers)
}

fn tls_config(tls: &Tls) -> ClientTlsConfig {
    let mut config = ClientTlsConfig::new();
    config = match &tls.ca {
        Some(ca) => config.ca_certificate(Certificate::from_pem(ca)),
        None => config.with_native_roots(),
    };
    match &tls.server_name {
        Some(name) => config.domain_name(name),
        None => config,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// A failed call: what it means, and what the server said if it said anything.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) status: Option<Box<Status>>,
}

/// The `client_type` of every request.
pub(crate) fn client_type() -> Option<String> {
    Some(CLIENT.to_owned())
}
