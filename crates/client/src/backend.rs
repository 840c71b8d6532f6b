//! What a back end is: each operation as one method, refused by those that do not have it. No I/O.

use std::fmt;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::operation::{BackendKind, Operation};
use crate::{
    Application, ApplicationRequest, Error, File, LogRequest, LogStream, Session, SessionInfo,
    SessionMetrics, SessionRequest, Waiting,
};

/// What a back end answers, some time later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// A back end. What it does not define it refuses with [`Category::Unsupported`](crate::Category::Unsupported); its kind's table says
/// which that is. Sessions go by the name of their resource or by their id, applications by [`Application::id`].
pub trait Backend: fmt::Debug + Send + Sync {
    /// Which it is.
    fn kind(&self) -> BackendKind;

    /// Makes a session and waits until it lives. One that does not in time, or whose future is dropped, is taken back.
    fn create_session<'a>(
        &'a self,
        _request: SessionRequest,
        _waiting: &'a Waiting,
    ) -> Answer<'a, Session> {
        refused(self.kind(), Operation::CreateSession)
    }

    /// Opens a session that is there already.
    fn open_session<'a>(&'a self, _session: &'a str, _waiting: &'a Waiting) -> Answer<'a, Session> {
        refused(self.kind(), Operation::CreateSession)
    }

    /// The sessions that there are.
    fn list_sessions(&self) -> Answer<'_, Vec<SessionInfo>> {
        refused(self.kind(), Operation::ListSessions)
    }

    /// What there is to tell of one.
    fn get_session_status<'a>(&'a self, _session: &'a str) -> Answer<'a, SessionInfo> {
        refused(self.kind(), Operation::SessionStatus)
    }

    /// What one has done.
    fn get_session_metrics<'a>(&'a self, _session: &'a str) -> Answer<'a, SessionMetrics> {
        refused(self.kind(), Operation::SessionMetrics)
    }

    /// Gives a session files.
    fn upload_artifacts<'a>(&'a self, _session: &'a str, _files: Vec<File>) -> Answer<'a, ()> {
        refused(self.kind(), Operation::UploadArtifacts)
    }

    /// Ends a session, whoever made it. One that has ended already is no error.
    fn close_session<'a>(&'a self, _session: &'a str) -> Answer<'a, ()> {
        refused(self.kind(), Operation::CloseSession)
    }

    /// Has an application run; does not wait for it.
    fn submit_application(&self, _request: ApplicationRequest) -> Answer<'_, Application> {
        refused(self.kind(), Operation::SubmitApplication)
    }

    /// What there is to tell of an application.
    fn get_status<'a>(&'a self, _id: &'a str) -> Answer<'a, Application> {
        refused(self.kind(), Operation::ApplicationStatus)
    }

    /// The applications that there are.
    fn list_applications(&self) -> Answer<'_, Vec<Application>> {
        refused(self.kind(), Operation::ListApplications)
    }

    /// Stops an application and removes its record.
    fn delete_application<'a>(&'a self, _id: &'a str) -> Answer<'a, ()> {
        refused(self.kind(), Operation::DeleteApplication)
    }

    /// Stops an application and holds it back, or lets it go on.
    fn suspend_application<'a>(&'a self, _id: &'a str, _suspend: bool) -> Answer<'a, ()> {
        refused(self.kind(), Operation::SuspendApplication)
    }

    /// The log of an application, or of a session's server.
    fn get_logs<'a>(&'a self, _id: &'a str, _request: LogRequest) -> Answer<'a, LogStream> {
        refused(self.kind(), Operation::Logs)
    }
}

/// The refusal of what a back end does not have.
fn refused<'a, T: Send + 'a>(kind: BackendKind, operation: Operation) -> Answer<'a, T> {
    futures::future::ready(Err(Error::unsupported(kind, operation))).boxed()
}
