//! Sessions of any Spark Connect server, 3.5 to 4.3, by its `sc://` URL: straight, or through whatever proxy stands before it. Does I/O:
//! gRPC to the server, HTTP to its UI where that is reachable.

mod made;
mod metrics;
pub(crate) mod url;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use sparkconnect_spark::Token;
use uuid::Uuid;

use self::made::Made;
use self::url::ConnectUrl;
use crate::session::MAX_MESSAGE_SIZE;
use crate::{
    Answer, Backend, BackendKind, Category, Connection, Error, File, Session, SessionInfo,
    SessionMetrics, SessionRequest, Trust, Waiting,
};

/// Where the server is and how it is reached. What is given here wins over what the URL says.
#[derive(Clone, Debug)]
pub struct ConnectConfig {
    /// `sc://host:port`, with parameters as PySpark reads them: `use_ssl`, `token`, `user_id`, `session_id`, and any other as a header.
    pub url: String,
    /// The token that the server or its proxy demands.
    pub token: Option<Token>,
    /// TLS; absent: what the URL says, and TLS where it says nothing.
    pub use_ssl: Option<bool>,
    /// Certificates of the authorities to trust, PEM; absent: those of the system.
    pub ca: Option<String>,
    /// The name that the server's certificate must have, where it is not the host's.
    pub server_name: Option<String>,
    /// Who sessions belong to; absent: what the URL says, else the name of the user of this process.
    pub user_id: Option<String>,
    /// Whether a token may be sent without TLS to a host that is not this one. Who reads along has the token then.
    pub allow_plaintext_token: bool,
    /// Longest time for a session to be made, retries included, and for each other call.
    pub timeout: Duration,
    /// Longest message in bytes.
    pub max_message_size: u32,
    /// More headers of every call.
    pub metadata: BTreeMap<String, String>,
    /// Host and port of the server's UI, whose REST API counts what sessions do; absent: the URL's host, port 4040.
    pub ui: Option<(String, u16)>,
}

impl ConnectConfig {
    /// A server by its URL: 300 s, messages of 128 MiB, a token only over TLS or to this host.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: None,
            use_ssl: None,
            ca: None,
            server_name: None,
            user_id: None,
            allow_plaintext_token: false,
            timeout: Duration::from_secs(300),
            max_message_size: MAX_MESSAGE_SIZE,
            metadata: BTreeMap::new(),
            ui: None,
        }
    }
}

/// The back end. It knows the sessions that it made, and no others.
#[derive(Debug)]
pub struct ConnectBackend {
    /// A connection to it, for a session that has no id yet.
    target: Connection,
    /// The id that the URL gives its session.
    session_id: Option<String>,
    timeout: Duration,
    ui: (String, u16),
    made: Mutex<HashMap<Uuid, Arc<Made>>>,
}

impl ConnectBackend {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// [`Category::InvalidInput`] when the URL is none, or a token would go in the clear.
    pub fn new(config: ConnectConfig) -> Result<Self, Error> {
        let url = ConnectUrl::parse(&config.url)?;
        let token = config.token.or(url.token);
        let tls = config.use_ssl.or(url.use_ssl).unwrap_or(true);
        if token.is_some() && !tls && !(config.allow_plaintext_token || is_this_host(&url.host)) {
            return Err(in_the_clear(&url.host));
        }
        let trust = Trust {
            ca: config.ca,
            server_name: config.server_name,
        };
        if !tls && trust != Trust::default() {
            return Err(Error::new(
                Category::InvalidInput,
                "certificates or a server's name are given, but TLS is off",
            )
            .hint("leave out use_ssl=false, or what is for TLS"));
        }
        let mut metadata = url.metadata;
        metadata.extend(config.metadata);
        Ok(Self {
            ui: config.ui.unwrap_or_else(|| (url.host.clone(), 4040)),
            target: Connection {
                host: url.host,
                port: url.port,
                tls: tls.then_some(trust),
                token,
                user_id: config.user_id.or(url.user_id).or_else(this_user),
                session_id: String::new(),
                metadata,
                max_message_size: config.max_message_size,
            },
            session_id: url.session_id,
            timeout: config.timeout,
            made: Mutex::default(),
        })
    }

    fn made(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Made>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, session: &str) -> Result<Arc<Made>, Error> {
        let id = crate::live::uuid(session)?;
        self.made().get(&id).cloned().ok_or_else(|| {
            Error::new(
                Category::NotFound,
                format!("this client made no session {session}"),
            )
            .hint("a Spark Connect server has no list of its sessions; open_session opens one by its id")
        })
    }

    async fn make(
        &self,
        request: SessionRequest,
        waiting: &Waiting,
        new: bool,
    ) -> Result<Session, Error> {
        refuse_what_only_resources_have(&request)?;
        let id = request.session_id.clone().or(self.session_id.clone());
        let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
        let connection = Connection {
            user_id: request.user.clone().or(self.target.user_id.clone()),
            session_id: id,
            ..self.target.clone()
        };
        let timeout = waiting.timeout.unwrap_or(self.timeout);
        let made = Made::begin(connection, request, self.ui.clone(), timeout, waiting, new);
        let made = Arc::new(made.await?);
        self.made().insert(made.id(), Arc::clone(&made));
        Ok(Session {
            info: made.info(),
            connection: made.connection.clone(),
            _way: None,
        })
    }
}

impl Backend for ConnectBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Connect
    }

    fn create_session<'a>(
        &'a self,
        request: SessionRequest,
        waiting: &'a Waiting,
    ) -> Answer<'a, Session> {
        self.make(request, waiting, true).boxed()
    }

    fn open_session<'a>(&'a self, session: &'a str, waiting: &'a Waiting) -> Answer<'a, Session> {
        let request = SessionRequest {
            session_id: Some(session.to_owned()),
            ..SessionRequest::default()
        };
        self.make(request, waiting, false).boxed()
    }

    fn list_sessions(&self) -> Answer<'_, Vec<SessionInfo>> {
        async {
            let made: Vec<_> = self.made().values().cloned().collect();
            let looks = made.iter().map(|made| made.look());
            futures::future::try_join_all(looks).await
        }
        .boxed()
    }

    fn get_session_status<'a>(&'a self, session: &'a str) -> Answer<'a, SessionInfo> {
        async { self.find(session)?.look().await }.boxed()
    }

    fn get_session_metrics<'a>(&'a self, session: &'a str) -> Answer<'a, SessionMetrics> {
        async { self.find(session)?.metrics().await }.boxed()
    }

    fn upload_artifacts<'a>(&'a self, session: &'a str, files: Vec<File>) -> Answer<'a, ()> {
        async { self.find(session)?.upload(files).await }.boxed()
    }

    fn close_session<'a>(&'a self, session: &'a str) -> Answer<'a, ()> {
        async { self.find(session)?.close().await }.boxed()
    }
}

fn refuse_what_only_resources_have(request: &SessionRequest) -> Result<(), Error> {
    let given = [
        ("name", request.name.is_some()),
        ("server", request.server.is_some()),
        ("idle_timeout", request.idle_timeout.is_some()),
        ("ttl", request.ttl.is_some()),
        ("labels", !request.labels.is_empty()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((field, _)) => Err(Error::new(
            Category::InvalidInput,
            format!("a session of a Spark Connect URL has no `{field}`"),
        )
        .hint("only the session back end, which makes SparkSession resources, has it")),
    }
}

fn in_the_clear(host: &str) -> Error {
    Error::new(
        Category::InvalidInput,
        format!("the token would go to {host} in the clear"),
    )
    .hint("use TLS (use_ssl), or allow it (allow_plaintext_token) where nobody can read along")
}

fn is_this_host(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The name of the user of this process, as Python's getpass finds it.
fn this_user() -> Option<String> {
    ["LOGNAME", "USER", "LNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(|| whoami::username().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(config: ConnectConfig) -> String {
        let error = ConnectBackend::new(config).unwrap_err();
        assert_eq!(error.category(), Category::InvalidInput);
        error.to_string()
    }

    #[test]
    fn a_token_goes_in_the_clear_only_where_that_is_allowed() {
        let with = |url: &str| ConnectConfig {
            token: Some(Token::new("abc")),
            ..ConnectConfig::new(url)
        };
        for url in [
            "sc://127.0.0.1/;use_ssl=false",
            "sc://localhost/;use_ssl=false",
            "sc://[::1]/;use_ssl=false",
            "sc://spark.example.com",
        ] {
            ConnectBackend::new(with(url)).expect(url);
        }
        let far = with("sc://spark.example.com/;use_ssl=false");
        assert!(refusal(far.clone()).contains("in the clear"));
        ConnectBackend::new(ConnectConfig {
            allow_plaintext_token: true,
            ..far
        })
        .expect("it is allowed");
    }

    #[test]
    fn what_is_given_wins_over_the_url() {
        let backend = ConnectBackend::new(ConnectConfig {
            token: Some(Token::new("given")),
            user_id: Some("ada".to_owned()),
            use_ssl: Some(true),
            metadata: BTreeMap::from([("x-a".to_owned(), "2".to_owned())]),
            ..ConnectConfig::new("sc://h:1/;token=url;user_id=url;use_ssl=false;x-a=1;x-b=1")
        })
        .unwrap();
        let target = backend.target;
        assert_eq!(target.token, Some(Token::new("given")));
        assert_eq!(target.user_id.as_deref(), Some("ada"));
        assert!(target.tls.is_some());
        let metadata: Vec<_> = target.metadata.into_iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(metadata, [pair("x-a", "2"), pair("x-b", "1")]);
    }

    #[test]
    fn certificates_without_tls_are_a_mistake() {
        let config = ConnectConfig {
            ca: Some("pem".to_owned()),
            ..ConnectConfig::new("sc://h/;use_ssl=false")
        };
        assert!(refusal(config).contains("TLS is off"));
    }
}
