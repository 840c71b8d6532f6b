//! Batch jobs by a Livy server's REST API, as Livy 0.7 has it. Does I/O: HTTP to that server.
//!
//! A batch goes by Livy's number of it, or by its name. Livy forgets one some time after its end, and the last 200 lines are all that it has of
//! a log.

mod batch;
mod config;
mod follow;
mod log;
mod refusal;
mod request;
mod rest;

use std::sync::Arc;

use futures::FutureExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::batch::{Batch, Page};
pub use self::config::{BasicAuth, LivyConfig};
use self::rest::Rest;
use crate::{
    Answer, Application, ApplicationRequest, Backend, BackendKind, Category, Error, LogRequest,
    LogStream,
};

/// Batches of one page of the list.
const PAGE: u64 = 100;
/// How often the list is begun, where batches are deleted while it is read.
const LISTINGS: u32 = 10;

/// The back end.
#[derive(Debug)]
pub struct LivyBackend {
    rest: Arc<Rest>,
}

impl LivyBackend {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] when the URL is none, a header cannot be sent, a certificate is none, or a password would go in the clear.
    pub fn new(config: &LivyConfig) -> Result<Self, Error> {
        let rest = Arc::new(Rest::new(config)?);
        Ok(Self { rest })
    }

    async fn submit(&self, request: ApplicationRequest) -> Result<Application, Error> {
        let body = request::body(&request)?;
        let doing = "submitting the batch";
        let submitted: Result<Batch, _> = self.rest.post("/batches", &body, doing).await;
        match submitted {
            Ok(batch) => Ok(batch.application()),
            Err(error) if error.category() == Category::InvalidInput => {
                Err(self.refused(error, &request.name).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Livy keeps an entry of what it refuses, by the name that it was to have. It is deleted, or else told of.
    async fn refused(&self, error: Error, name: &str) -> Error {
        let kept = if name.is_empty() {
            "Livy may keep an entry of it, without a name, in the state `starting`; delete_application removes it".to_owned()
        } else {
            match self.forget_refused(name).await {
                Ok(()) => return error,
                Err(other) => format!("Livy keeps an entry named {name}, and {other}"),
            }
        };
        let hint = match error.hint_text() {
            Some(hint) => format!("{hint}; {kept}"),
            None => kept,
        };
        error.hint(hint)
    }

    /// Livy finds by number too: what has not that name, as when a name of digits was refused, is somebody else's.
    async fn forget_refused(&self, name: &str) -> Result<(), Error> {
        let path = path(name)?;
        let found: Result<Batch, _> = self.rest.get(&path, "looking for the entry").await;
        match found {
            Ok(batch) if batch.is_refused() && batch.name.as_deref() == Some(name) => {
                let path = format!("/batches/{}", batch.id);
                self.rest.delete(&path, "deleting it").await
            }
            Ok(_) => Ok(()),
            Err(error) if error.category() == Category::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn status(&self, id: &str) -> Result<Application, Error> {
        let doing = format!("reading the batch {id}");
        let batch: Batch = self.rest.get(&path(id)?, &doing).await?;
        Ok(batch.application())
    }

    async fn list(&self) -> Result<Vec<Application>, Error> {
        for _ in 0..LISTINGS {
            if let Some(batches) = self.list_once().await? {
                return Ok(batches.into_iter().map(Batch::application).collect());
            }
        }
        let message = "listing batches failed: others are deleted too fast for it";
        Err(Error::new(Category::Unavailable, message).hint("ask again later"))
    }

    /// All pages, if no batch was deleted between two: those after it move up, and one would be between the pages. Each page therefore
    /// begins with the last one of the page before.
    async fn list_once(&self) -> Result<Option<Vec<Batch>>, Error> {
        let (mut batches, mut from): (Vec<Batch>, u64) = (Vec::new(), 0);
        loop {
            let path = format!("/batches?from={from}&size={PAGE}");
            let page: Page = self.rest.get(&path, "listing batches").await?;
            let end = page.sessions.is_empty() || from + PAGE >= page.total;
            if let Some(last) = batches.pop()
                && page
                    .sessions
                    .first()
                    .is_none_or(|first| first.id != last.id)
            {
                return Ok(None);
            }
            batches.extend(page.sessions);
            if end {
                return Ok(Some(batches));
            }
            from += PAGE - 1;
        }
    }

    async fn delete(&self, id: &str) -> Result<(), Error> {
        let doing = format!("deleting the batch {id}");
        self.rest.delete(&path(id)?, &doing).await
    }

    async fn logs(&self, id: &str, request: LogRequest) -> Result<LogStream, Error> {
        follow::lines(Arc::clone(&self.rest), path(id)?, request).await
    }
}

impl Backend for LivyBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Livy
    }

    fn submit_application(&self, request: ApplicationRequest) -> Answer<'_, Application> {
        self.submit(request).boxed()
    }

    fn get_status<'a>(&'a self, id: &'a str) -> Answer<'a, Application> {
        self.status(id).boxed()
    }

    fn list_applications(&self) -> Answer<'_, Vec<Application>> {
        self.list().boxed()
    }

    fn delete_application<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        self.delete(id).boxed()
    }

    fn get_logs<'a>(&'a self, id: &'a str, request: LogRequest) -> Answer<'a, LogStream> {
        self.logs(id, request).boxed()
    }
}

/// The path of one batch. What would be another path as a part of one is no batch.
fn path(id: &str) -> Result<String, Error> {
    if matches!(id, "" | "." | "..") {
        let message = format!("no batch can be called `{id}`");
        return Err(Error::new(Category::NotFound, message));
    }
    Ok(format!(
        "/batches/{}",
        utf8_percent_encode(id, NON_ALPHANUMERIC)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_no_other_path() {
        for (id, leads) in [
            ("7", "/batches/7"),
            ("a b", "/batches/a%20b"),
            ("../sessions", "/batches/%2E%2E%2Fsessions"),
            ("1/log?x", "/batches/1%2Flog%3Fx"),
        ] {
            assert_eq!(path(id).unwrap(), leads);
        }
        for id in ["", ".", ".."] {
            assert_eq!(path(id).unwrap_err().category(), Category::NotFound);
        }
    }
}
