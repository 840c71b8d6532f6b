//! The sessions of a server. Does I/O: gRPC.
//!
//! Spark makes a session at nearly every call that names one. Here only [`SparkServer::create`] does: every other call first
//! asks whether the session is there, by a call that makes none. (A check by Spark's own observed id is not enough: a Config
//! call with a wrong one answers SESSION_CHANGED, but has made a session by then.)

use sparkconnect_proto::spark::connect::config_request::operation::OpType;
use sparkconnect_proto::spark::connect::config_request::{GetOption, Operation, Set, Unset};
use sparkconnect_proto::spark::connect::get_status_request::OperationStatusRequest;
use sparkconnect_proto::spark::connect::get_status_response::operation_status;
use sparkconnect_proto::spark::connect::interrupt_request::InterruptType;
use sparkconnect_proto::spark::connect::release_execute_request::{Release, ReleaseAll};
use sparkconnect_proto::spark::connect::{
    ConfigRequest, ConfigResponse, GetStatusRequest, InterruptRequest, KeyValue,
    ReleaseExecuteRequest, ReleaseSessionRequest, UserContext,
};
use uuid::Uuid;

use crate::server::client_type;
use crate::spark_error::about_settings;
use crate::{Error, SparkServer};

/// Names one session of a server. Spark's key is user and session id together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionRef {
    /// The user; any text. Spark never verifies it.
    pub user: String,
    /// The session's id, chosen by whoever makes it.
    pub session_id: Uuid,
    /// Which making of the session is meant, as [`SparkServer::create`] told; absent means whichever is there.
    pub server_side_session_id: Option<String>,
}

impl SessionRef {
    /// A session of `user`, whichever making of it is on the server.
    pub fn new(user: impl Into<String>, session_id: Uuid) -> Self {
        Self {
            user: user.into(),
            session_id,
            server_side_session_id: None,
        }
    }

    /// The same session, but only as it was observed: a call finds out if it was made anew since.
    #[must_use]
    pub fn observed(self, server_side_session_id: impl Into<String>) -> Self {
        Self {
            server_side_session_id: Some(server_side_session_id.into()),
            ..self
        }
    }

    pub(crate) fn user_context(&self) -> UserContext {
        UserContext {
            user_id: self.user.clone(),
            user_name: self.user.clone(),
        }
    }
}

/// Whether a session is on its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It is, and it is the one observed if one was.
    Alive {
        /// Spark's id of this making of the session.
        server_side_session_id: String,
    },
    /// The server does not know it: never made, or the server restarted, or it was closed long ago.
    NotFound,
    /// It was released or expired; its id cannot be used again on this server.
    Closed,
    /// There is a session of that name, but not the one observed.
    Changed {
        /// Spark's id of the session that is there.
        server_side_session_id: String,
    },
}

/// State of an operation, as GetStatus tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// Not known any more, or not in words that this project knows.
    Unknown,
    /// At work, or waiting for its client to fetch results.
    Running,
    /// Being interrupted or cleaned up; for good, where its client let go of it in the moment in which it failed (4.2, 4.3).
    Terminating,
    /// Ended well.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Was interrupted.
    Cancelled,
}

impl SparkServer {
    /// Makes the session with `settings`, or sets them on it if it is there: a repeated call changes nothing. Returns
    /// Spark's id of this making of the session. (`spark.app.name` can be set like any other; it has no effect on Spark.)
    ///
    /// # Errors
    /// [`Error::SessionClosed`] when the id was used before; [`Error::SessionChanged`] when one was observed and it is not
    /// that one; [`Error::ConfRejected`], upon which the session is there with the settings before the refused one.
    pub async fn create(
        &self,
        session: &SessionRef,
        settings: &[(String, String)],
    ) -> Result<String, Error> {
        if session.server_side_session_id.is_some() {
            self.require(session).await?;
        }
        self.set(session, settings)
            .await
            .map(|answer| answer.server_side_session_id)
    }

    /// Sets `settings` on the session, in order.
    ///
    /// # Errors
    /// [`Error::ConfRejected`] at the first that Spark refuses: those before it are in force. Session errors when the
    /// session is not there.
    pub async fn set_conf(
        &self,
        session: &SessionRef,
        settings: &[(String, String)],
    ) -> Result<(), Error> {
        self.require(session).await?;
        self.set(session, settings).await.map(drop)
    }

    /// Gives the settings `keys` their defaults back; an unknown key is no error.
    ///
    /// # Errors
    /// As [`SparkServer::set_conf`].
    pub async fn unset_conf(&self, session: &SessionRef, keys: &[String]) -> Result<(), Error> {
        self.require(session).await?;
        let op = OpType::Unset(Unset {
            keys: keys.to_vec(),
        });
        self.config(session, op, &borrowed(keys)).await.map(drop)
    }

    /// The values of the settings `keys`, in their order; none for a key that has no value.
    ///
    /// # Errors
    /// Session errors when the session is not there.
    pub async fn get_conf(
        &self,
        session: &SessionRef,
        keys: &[String],
    ) -> Result<Vec<Option<String>>, Error> {
        self.require(session).await?;
        let op = OpType::GetOption(GetOption {
            keys: keys.to_vec(),
        });
        let answer = self.config(session, op, &borrowed(keys)).await?;
        Ok(answer.pairs.into_iter().map(|pair| pair.value).collect())
    }

    /// Whether the session is on the server. Makes none, but keeps the session alive: its idle timer starts anew.
    ///
    /// # Errors
    /// Only when the server cannot be asked.
    pub async fn exists(&self, session: &SessionRef) -> Result<Existence, Error> {
        match self.look_for(session).await {
            Ok(id)
                if session
                    .server_side_session_id
                    .as_ref()
                    .is_none_or(|seen| *seen == id) =>
            {
                Ok(Existence::Alive {
                    server_side_session_id: id,
                })
            }
            Ok(server_side_session_id) => Ok(Existence::Changed {
                server_side_session_id,
            }),
            Err(Error::SessionNotFound) => Ok(Existence::NotFound),
            Err(Error::SessionClosed) => Ok(Existence::Closed),
            Err(error) => Err(error),
        }
    }

    /// Stops everything that runs in the session; returns the ids of the operations it stopped.
    ///
    /// # Errors
    /// Session errors when the session is not there.
    pub async fn interrupt_all(&self, session: &SessionRef) -> Result<Vec<String>, Error> {
        self.require(session).await?;
        let request = InterruptRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            client_type: client_type(),
            interrupt_type: InterruptType::All.into(),
            interrupt: None,
            client_observed_server_side_session_id: session.server_side_session_id.clone(),
        };
        let patience = self.timeouts().call;
        self.call(
            "Interrupt",
            patience,
            request,
            |mut client, request| async move { client.interrupt(request).await },
        )
        .await
        .map(|answer| answer.interrupted_ids)
    }

    /// Ends the session, whatever runs in it, for everybody who uses it; whichever making of it is there. A session that
    /// is not there is no error.
    ///
    /// # Errors
    /// Only when the server cannot be asked.
    pub async fn release(&self, session: &SessionRef) -> Result<(), Error> {
        let request = ReleaseSessionRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            client_type: client_type(),
            allow_reconnect: false,
        };
        let patience = self.timeouts().call;
        self.call(
            "ReleaseSession",
            patience,
            request,
            |mut client, request| async move { client.release_session(request).await },
        )
        .await
        .map(drop)
    }

    /// The session's operations that are active or ended in the last half hour, with their ids. Makes no session, but
    /// starts its idle timer anew.
    ///
    /// # Errors
    /// [`Error::Unsupported`] before Spark 4.2. Session errors when the session is not there.
    pub async fn status(
        &self,
        session: &SessionRef,
    ) -> Result<Vec<(String, OperationState)>, Error> {
        let request = GetStatusRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            client_type: client_type(),
            client_observed_server_side_session_id: session.server_side_session_id.clone(),
            operation_status: Some(OperationStatusRequest {
                operation_ids: Vec::new(),
            }),
        };
        let patience = self.timeouts().call;
        let answer = self
            .call(
                "GetStatus",
                patience,
                request,
                |mut client, request| async move { client.get_status(request).await },
            )
            .await?;
        let statuses = answer.operation_statuses.into_iter();
        Ok(statuses
            .map(|status| (status.operation_id.clone(), state(status.state())))
            .collect())
    }

    /// Spark's id of the session, asked for by releasing an operation that does not exist.
    pub(crate) async fn look_for(&self, session: &SessionRef) -> Result<String, Error> {
        let request = ReleaseExecuteRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            operation_id: Uuid::new_v4().to_string(),
            client_type: client_type(),
            release: Some(Release::ReleaseAll(ReleaseAll {})),
            // Spark does not compare it in this call.
            client_observed_server_side_session_id: None,
        };
        let patience = self.timeouts().call;
        self.call(
            "ReleaseExecute",
            patience,
            request,
            |mut client, request| async move { client.release_execute(request).await },
        )
        .await
        .map(|answer| answer.server_side_session_id)
    }

    pub(crate) async fn require(&self, session: &SessionRef) -> Result<(), Error> {
        match self.exists(session).await? {
            Existence::Alive { .. } => Ok(()),
            Existence::NotFound => Err(Error::SessionNotFound),
            Existence::Closed => Err(Error::SessionClosed),
            Existence::Changed { .. } => Err(Error::SessionChanged),
        }
    }

    async fn set(
        &self,
        session: &SessionRef,
        settings: &[(String, String)],
    ) -> Result<ConfigResponse, Error> {
        let pair = |(key, value): &(String, String)| KeyValue {
            key: key.clone(),
            value: Some(value.clone()),
        };
        let keys: Vec<&str> = settings.iter().map(|(key, _)| key.as_str()).collect();
        let pairs = settings.iter().map(pair).collect();
        self.config(
            session,
            OpType::Set(Set {
                pairs,
                silent: None,
            }),
            &keys,
        )
        .await
    }

    async fn config(
        &self,
        session: &SessionRef,
        op: OpType,
        keys: &[&str],
    ) -> Result<ConfigResponse, Error> {
        let request = ConfigRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            operation: Some(Operation { op_type: Some(op) }),
            client_type: client_type(),
            client_observed_server_side_session_id: session.server_side_session_id.clone(),
        };
        let patience = self.timeouts().call;
        self.try_call(
            "Config",
            patience,
            request,
            |mut client, request| async move { client.config(request).await },
        )
        .await
        .map_err(|failure| match &failure.status {
            Some(status) => about_settings(failure.error, status, keys),
            None => failure.error,
        })
    }
}

fn borrowed(keys: &[String]) -> Vec<&str> {
    keys.iter().map(String::as_str).collect()
}

fn state(state: operation_status::OperationState) -> OperationState {
    use operation_status::OperationState as Wire;
    match state {
        Wire::Running => OperationState::Running,
        Wire::Terminating => OperationState::Terminating,
        Wire::Succeeded => OperationState::Succeeded,
        Wire::Failed => OperationState::Failed,
        Wire::Cancelled => OperationState::Cancelled,
        Wire::Unspecified | Wire::Unknown => OperationState::Unknown,
    }
}
