//! The methods of Spark Connect, and where in their messages stands what the gateway looks at. Pure. Field numbers are those of
//! `proto/spark/connect`; a test holds them against the descriptors of every supported PySpark.

/// A method of `spark.connect.SparkConnectService`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rpc {
    /// Runs a plan; a stream of results.
    ExecutePlan,
    /// Asks about a plan.
    AnalyzePlan,
    /// Reads and changes settings.
    Config,
    /// Uploads files; a stream of requests.
    AddArtifacts,
    /// Asks whether files are there.
    ArtifactStatus,
    /// Ends operations.
    Interrupt,
    /// Goes on with the results of an operation.
    ReattachExecute,
    /// Lets results go.
    ReleaseExecute,
    /// Ends the session.
    ReleaseSession,
    /// Asks for the whole of an error.
    FetchErrorDetails,
    /// Makes a session like this one.
    CloneSession,
    /// Asks how operations stand.
    GetStatus,
}

/// Every method.
pub const ALL: [Rpc; 12] = [
    Rpc::ExecutePlan,
    Rpc::AnalyzePlan,
    Rpc::Config,
    Rpc::AddArtifacts,
    Rpc::ArtifactStatus,
    Rpc::Interrupt,
    Rpc::ReattachExecute,
    Rpc::ReleaseExecute,
    Rpc::ReleaseSession,
    Rpc::FetchErrorDetails,
    Rpc::CloneSession,
    Rpc::GetStatus,
];

impl Rpc {
    /// The method that a path names.
    pub fn of(path: &str) -> Option<Self> {
        ALL.into_iter().find(|rpc| rpc.path() == path)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let path = self.path();
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// Its name with that of its service, as in a path.
    pub fn full_name(self) -> &'static str {
        self.path().trim_start_matches('/')
    }

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ExecutePlan => "/spark.connect.SparkConnectService/ExecutePlan",
            Self::AnalyzePlan => "/spark.connect.SparkConnectService/AnalyzePlan",
            Self::Config => "/spark.connect.SparkConnectService/Config",
            Self::AddArtifacts => "/spark.connect.SparkConnectService/AddArtifacts",
            Self::ArtifactStatus => "/spark.connect.SparkConnectService/ArtifactStatus",
            Self::Interrupt => "/spark.connect.SparkConnectService/Interrupt",
            Self::ReattachExecute => "/spark.connect.SparkConnectService/ReattachExecute",
            Self::ReleaseExecute => "/spark.connect.SparkConnectService/ReleaseExecute",
            Self::ReleaseSession => "/spark.connect.SparkConnectService/ReleaseSession",
            Self::FetchErrorDetails => "/spark.connect.SparkConnectService/FetchErrorDetails",
            Self::CloneSession => "/spark.connect.SparkConnectService/CloneSession",
            Self::GetStatus => "/spark.connect.SparkConnectService/GetStatus",
        }
    }

    /// Field `client_observed_server_side_session_id` of its request. ReleaseSession has none: it may come late.
    pub const fn observed_field(self) -> Option<u32> {
        match self {
            Self::ExecutePlan | Self::Config => Some(8),
            Self::AnalyzePlan => Some(17),
            Self::AddArtifacts | Self::Interrupt | Self::ReleaseExecute => Some(7),
            Self::ReattachExecute => Some(6),
            Self::ArtifactStatus | Self::FetchErrorDetails | Self::CloneSession => Some(5),
            Self::GetStatus => Some(4),
            Self::ReleaseSession => None,
        }
    }

    /// Field of its request that names what it begins or goes on with: `operation_id` of a plan, `new_session_id` of a clone.
    pub const fn subject_field(self) -> Option<u32> {
        match self {
            Self::ExecutePlan => Some(6),
            Self::ReattachExecute => Some(3),
            Self::CloneSession => Some(4),
            _ => None,
        }
    }

    /// Whether a client's first call may be one of these: they leave something in the session, or ask what they need not know one for.
    pub const fn begins_a_session(self) -> bool {
        matches!(
            self,
            Self::ExecutePlan
                | Self::AnalyzePlan
                | Self::Config
                | Self::AddArtifacts
                | Self::ArtifactStatus
        )
    }

    /// Whether its stream of results is that of a plan.
    pub const fn follows_a_plan(self) -> bool {
        matches!(self, Self::ExecutePlan | Self::ReattachExecute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_method() {
        for rpc in ALL {
            assert_eq!(Rpc::of(rpc.path()), Some(rpc));
            assert_eq!(rpc.name(), format!("{rpc:?}"));
        }
        for path in [
            "/",
            "/spark.connect.SparkConnectService/Drop",
            "/x.Y/Config",
        ] {
            assert_eq!(Rpc::of(path), None, "{path}");
        }
    }
}
