//! Uploads artifacts to a session. Does I/O: gRPC.

use futures::stream;
use sparkconnect_proto::spark::connect::AddArtifactsRequest;

use crate::server::client_type;
use crate::spark_error::about_artifact;
use crate::{Artifact, Error, SessionRef, SparkServer};

impl SparkServer {
    /// Gives the session `artifacts`, one call each, in order. One that is there with the same content is no error.
    ///
    /// # Errors
    /// At the first that fails: [`Error::ArtifactExists`], [`Error::ArtifactRejected`], [`Error::ArtifactCorrupt`]; those
    /// before it are in place. Session errors when the session is not there.
    pub async fn add_artifacts(
        &self,
        session: &SessionRef,
        artifacts: &[Artifact],
    ) -> Result<(), Error> {
        self.require(session).await?;
        for artifact in artifacts {
            self.add_artifact(session, artifact).await?;
        }
        Ok(())
    }

    async fn add_artifact(&self, session: &SessionRef, artifact: &Artifact) -> Result<(), Error> {
        let name = artifact.name.as_str();
        let head = AddArtifactsRequest {
            session_id: session.session_id.to_string(),
            user_context: Some(session.user_context()),
            payload: None,
            client_type: client_type(),
            client_observed_server_side_session_id: session.server_side_session_id.clone(),
        };
        let messages = artifact.payloads().map(move |payload| AddArtifactsRequest {
            payload: Some(payload),
            ..head.clone()
        });
        let patience = self.timeouts().upload;
        let answer = self
            .call(
                "AddArtifacts",
                patience,
                stream::iter(messages),
                |mut client, request| async move { client.add_artifacts(request).await },
            )
            .await
            .map_err(|error| about_artifact(error, name))?;
        if answer
            .artifacts
            .iter()
            .any(|summary| summary.is_crc_successful)
        {
            return Ok(());
        }
        Err(Error::ArtifactCorrupt {
            name: name.to_owned(),
        })
    }
}
