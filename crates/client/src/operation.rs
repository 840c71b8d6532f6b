//! What back ends there are and what each can do, as one table. No I/O.

use std::fmt;

/// One of the back ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendKind {
    /// This project's SparkSession resources.
    Session,
    /// A Spark Connect server, by URL.
    Connect,
    /// A Spark operator: kubeflow's or Apache's.
    Operator,
    /// A Livy server.
    Livy,
}

/// Something that a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `create_session`.
    CreateSession,
    /// `list_sessions`.
    ListSessions,
    /// `get_session_status`.
    SessionStatus,
    /// `get_session_metrics`.
    SessionMetrics,
    /// `upload_artifacts`.
    UploadArtifacts,
    /// `close_session`.
    CloseSession,
    /// `submit_application`.
    SubmitApplication,
    /// `get_status` and `wait`.
    ApplicationStatus,
    /// `list_applications`.
    ListApplications,
    /// `delete_application`.
    DeleteApplication,
    /// `suspend_application` and `resume_application`.
    SuspendApplication,
    /// `get_logs`.
    Logs,
}

impl BackendKind {
    /// Every back end.
    pub const ALL: [Self; 4] = [Self::Session, Self::Connect, Self::Operator, Self::Livy];

    /// The back end's name, as in settings and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Connect => "connect",
            Self::Operator => "operator",
            Self::Livy => "livy",
        }
    }

    /// Whether the back end can do it.
    pub const fn supports(self, operation: Operation) -> bool {
        match operation {
            Operation::CreateSession
            | Operation::ListSessions
            | Operation::SessionStatus
            | Operation::SessionMetrics
            | Operation::UploadArtifacts
            | Operation::CloseSession => matches!(self, Self::Session | Self::Connect),
            Operation::SubmitApplication
            | Operation::ApplicationStatus
            | Operation::ListApplications
            | Operation::DeleteApplication => matches!(self, Self::Operator | Self::Livy),
            Operation::Logs => matches!(self, Self::Session | Self::Operator | Self::Livy),
            Operation::SuspendApplication => matches!(self, Self::Operator),
        }
    }
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 12] = [
        Self::CreateSession,
        Self::ListSessions,
        Self::SessionStatus,
        Self::SessionMetrics,
        Self::UploadArtifacts,
        Self::CloseSession,
        Self::SubmitApplication,
        Self::ApplicationStatus,
        Self::ListApplications,
        Self::DeleteApplication,
        Self::SuspendApplication,
        Self::Logs,
    ];
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateSession => "create a session",
            Self::ListSessions => "list sessions",
            Self::SessionStatus => "tell a session's status",
            Self::SessionMetrics => "tell a session's metrics",
            Self::UploadArtifacts => "upload artifacts",
            Self::CloseSession => "close a session",
            Self::SubmitApplication => "submit an application",
            Self::ApplicationStatus => "tell an application's status",
            Self::ListApplications => "list applications",
            Self::DeleteApplication => "delete an application",
            Self::SuspendApplication => "suspend an application",
            Self::Logs => "give logs",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_back_end() {
        for operation in Operation::ALL {
            assert!(
                BackendKind::ALL.iter().any(|kind| kind.supports(operation)),
                "{operation}"
            );
        }
    }
}
