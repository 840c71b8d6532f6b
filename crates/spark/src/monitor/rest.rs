//! The REST API of a driver's UI. Does I/O: HTTP/1.1, bounded in time and size. Asking refreshes no session.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

use crate::{Endpoint, Error};

/// Largest answer that is read. The largest that Spark gives with its default retention is about 4 MB (stages).
const LARGEST: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Rest {
    client: Client<HttpConnector, Empty<Bytes>>,
    base: String,
    patience: Duration,
}

impl Rest {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(endpoint.timeouts.connect));
        connector.set_nodelay(true);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_max_idle_per_host(1);
        Ok(Self {
            client: client.build(connector),
            base: format!("{}api/v1/applications", endpoint.ui_uri()?),
            patience: endpoint.timeouts.call,
        })
    }

    /// The JSON at `path` below `/api/v1/applications`; none when there is no such thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Error> {
        let answer = tokio::time::timeout(self.patience, self.fetch(path)).await;
        let body = answer.map_err(|_elapsed| Error::TimedOut {
            after: self.patience,
        })??;
        let Some(body) = body else { return Ok(None) };
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| malformed(path, error.to_string()))
    }

    /// As [`Self::get`], for what must be there.
    pub(crate) async fn need<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.get(path)
            .await?
            .ok_or_else(|| malformed(path, "not found".to_owned()))
    }

    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, Error> {
        let uri = http::Uri::try_from(format!("{}{path}", self.base))
            .map_err(|error| malformed(path, error.to_string()))?;
        let answer = self.client.get(uri).await.map_err(unreachable)?;
        match answer.status() {
            http::StatusCode::OK => {}
            http::StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(malformed(path, format!("HTTP status {status}"))),
        }
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        body.map(|body| Some(body.to_bytes()))
            .map_err(|error| malformed(path, error.to_string()))
    }
}

fn malformed(path: &str, message: String) -> Error {
    Error::Malformed {
        path: path.to_owned(),
        message,
    }
}

fn unreachable(error: hyper_util::client::legacy::Error) -> Error {
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Error::Unreachable {
        message: innermost.to_string(),
        source: Box::new(error),
    }
}
