//! What the users of a server do, by the REST API of its UI: one poll per server, whatever the number of its sessions. Does
//! I/O: HTTP. What it learns becomes totals by pure functions in [`Snapshot`]. A poll counts as nobody's activity.

mod account;
mod bytes;
mod cursor;
mod history;
mod rest;
mod tag;
mod wire;

#[cfg(test)]
mod account_tests;

use std::collections::{HashMap, HashSet};

pub use account::{Account, SessionTotals, Step};
pub use cursor::Cursor;
pub use history::Activity;
pub use tag::SessionKey;

use bytes::Owners;
use history::{History, Raw};
use rest::Rest;
use wire::{Application, Executor, Job, Stage};

use crate::{Endpoint, Error};

/// Every so many polls everything is asked for, whether or not something seems to have happened.
const SWEEP_EVERY: u32 = 30;

/// Up to so many stages are asked for one by one; for more, all are.
const MOST_SINGLE_STAGES: usize = 64;

/// What the caller knows about how the server was set up.
#[derive(Clone, Copy, Debug)]
pub struct MonitorOptions {
    /// Whether Spark counts the bytes that it reads right: always on 4.0, and from 4.1 on when the server has
    /// `spark.hadoop.parquet.hadoop.vectored.io.enabled=false`. Otherwise [`SessionTotals::data_read_bytes`] stays absent.
    pub count_reads: bool,
}

/// Watches one server.
#[derive(Debug)]
pub struct Monitor {
    rest: Rest,
    options: MonitorOptions,
    raw: Raw,
    /// Polls since everything was asked for.
    polls: u32,
    /// Whether the last poll found news; Spark may have held some back.
    restless: bool,
}

/// What a server showed at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Spark's id of the application; another one means that the server restarted.
    pub application_id: String,
    /// When the application started.
    pub started_at: jiff::Timestamp,
    /// The server's Spark version.
    pub spark_version: String,
    /// Executors that are up, the driver not among them: 0 in local mode.
    pub executors: u32,
    history: History,
}

impl Snapshot {
    /// The sessions that Spark shows: since 4.3 those alive and some that ended; before, those with jobs.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionKey> {
        self.history.sessions()
    }

    /// Whether Spark tells of operations itself: since 4.3. Before, totals have no queries but those of whoever counts them elsewhere.
    pub fn tells_operations(&self) -> bool {
        self.history.has_operations
    }

    /// When the session was last at work, and whether it is.
    pub fn activity(&self, key: &SessionKey) -> Activity {
        self.history.activity(key)
    }

    /// Whether Spark shows all that a session did which has ended: what it shows is a moment behind. Since 4.3 it shows the end
    /// itself; before, that nothing of the session is at work.
    pub fn is_settled(&self, key: &SessionKey) -> bool {
        self.history.is_settled(key)
    }

    /// Goes on with a session's account: adds what ended since it was stored. A new session starts with
    /// [`Account::default`]. The step is to be stored before the next one is taken from it; handing back an older one counts
    /// from there again.
    pub fn account(&self, key: &SessionKey, before: &Account) -> Step {
        self.history.account(key, before)
    }
}

impl Monitor {
    /// A monitor of the server at `endpoint`; connects at the first poll.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the endpoint has no UI port; [`Error::InvalidEndpoint`].
    pub fn new(endpoint: &Endpoint, options: MonitorOptions) -> Result<Self, Error> {
        let rest = Rest::new(endpoint)?;
        Ok(Self {
            rest,
            options,
            raw: Raw::default(),
            polls: 0,
            restless: true,
        })
    }

    /// Asks the server: four small requests when nothing happened.
    ///
    /// # Errors
    /// When the UI cannot be reached or answers nonsense. The next poll then asks for everything.
    pub async fn poll(&mut self) -> Result<Snapshot, Error> {
        let result = self.try_poll().await;
        self.polls = if result.is_ok() {
            (self.polls + 1) % SWEEP_EVERY
        } else {
            0
        };
        result
    }

    async fn try_poll(&mut self) -> Result<Snapshot, Error> {
        let (application_id, started_at, spark_version) = self.application().await?;
        if application_id != self.raw.application_id {
            self.raw = Raw {
                application_id: application_id.clone(),
                ..Raw::default()
            };
            self.polls = 0;
        }
        let executors: Vec<Executor> = self.rest.need(&self.path("executors")).await?;
        let executors = executors.iter().filter(|it| it.id != "driver").count();
        let new_jobs = self.refresh_jobs().await?;
        let news = match self.refresh_connect(new_jobs).await? {
            Some(news) => news,
            None => self.refresh_executions(new_jobs).await?,
        };
        self.restless = new_jobs || news;
        Ok(Snapshot {
            application_id,
            started_at,
            spark_version,
            executors: u32::try_from(executors).unwrap_or(u32::MAX),
            history: History::new(&self.raw, self.options.count_reads),
        })
    }

    fn path(&self, of: &str) -> String {
        format!("/{}/{of}", self.raw.application_id)
    }

    fn sweep(&self) -> bool {
        self.polls == 0
    }

    async fn application(&self) -> Result<(String, jiff::Timestamp, String), Error> {
        let nonsense = |message: &str| Error::Malformed {
            path: "/applications".to_owned(),
            message: message.to_owned(),
        };
        let applications: Vec<Application> = self.rest.need("").await?;
        let application = applications.into_iter().next();
        let application = application.ok_or_else(|| nonsense("no application"))?;
        let attempt = application.attempts.into_iter().next();
        let attempt = attempt.ok_or_else(|| nonsense("an application without attempts"))?;
        let started_at = jiff::Timestamp::from_millisecond(attempt.start_time_epoch)
            .map_err(|error| nonsense(&error.to_string()))?;
        Ok((application.id, started_at, attempt.app_spark_version))
    }

    /// Whether there is something under the number after the last known one, as in `jobs/17`.
    async fn exists(&self, kind: &str, last: Option<u64>) -> Result<bool, Error> {
        let next = last.map_or(0, |last| last + 1);
        let path = self.path(&format!(
            "{kind}/{next}?details=false&planDescription=false"
        ));
        Ok(self
            .rest
            .get::<serde::de::IgnoredAny>(&path)
            .await?
            .is_some())
    }

    /// Brings the jobs and their bytes up to date; whether there was anything to do.
    async fn refresh_jobs(&mut self) -> Result<bool, Error> {
        let last = self.raw.jobs.last().map(|job| job.job_id);
        let due = self.sweep() || self.raw.jobs.iter().any(Job::running);
        if !due && !self.exists("jobs", last).await? {
            return Ok(false);
        }
        let mut jobs: Vec<Job> = self.rest.need(&self.path("jobs")).await?;
        jobs.sort_unstable_by_key(|job| job.job_id);
        let shown: HashSet<u64> = jobs.iter().map(|job| job.job_id).collect();
        self.raw.bytes.retain(|id, _| shown.contains(id));
        let ended: Vec<&Job> = jobs
            .iter()
            .filter(|job| !job.running() && !self.raw.bytes.contains_key(&job.job_id))
            .filter(|job| history::owner(job).is_some())
            .collect();
        let stages = self.stages(&ended).await?;
        let owners = Owners::of(&jobs);
        let bytes = ended
            .iter()
            .map(|job| (job.job_id, owners.bytes(job, &stages)));
        self.raw.bytes.extend(bytes);
        self.raw.jobs = jobs;
        Ok(true)
    }

    /// The attempts at the stages that `jobs` list.
    async fn stages(&self, jobs: &[&Job]) -> Result<HashMap<u64, Vec<Stage>>, Error> {
        let wanted: HashSet<u64> = jobs
            .iter()
            .flat_map(|job| &job.stage_ids)
            .copied()
            .collect();
        let mut found: HashMap<u64, Vec<Stage>> = HashMap::new();
        if wanted.len() > MOST_SINGLE_STAGES {
            let all: Vec<Stage> = self.rest.need(&self.path("stages?details=false")).await?;
            for stage in all {
                found.entry(stage.stage_id).or_default().push(stage);
            }
            return Ok(found);
        }
        for id in wanted {
            let path = self.path(&format!("stages/{id}?details=false"));
            if let Some(attempts) = self.rest.get(&path).await? {
                found.insert(id, attempts);
            }
        }
        Ok(found)
    }

    /// Brings sessions and operations up to date; none when this version does not tell of them.
    ///
    /// Spark writes a session's count of operations at most every 100 ms, so that the last operations of a burst may not
    /// show in it: after news the operations are asked for once more.
    async fn refresh_connect(&mut self, new_jobs: bool) -> Result<Option<bool>, Error> {
        if !self.sweep() && self.raw.connect.is_none() {
            return Ok(None);
        }
        let path = self.path("connect/sessions");
        let Some(sessions) = self.rest.get::<Vec<wire::Session>>(&path).await? else {
            return Ok(None);
        };
        let (news, open) = match &self.raw.connect {
            Some(known) => (known.sessions != sessions, known.has_open()),
            None => (!sessions.is_empty(), false),
        };
        // A poll may be given up here: what was known stays until there is more.
        let operations = if news || new_jobs || open || self.restless || self.sweep() {
            Some(self.rest.need(&self.path("connect/operations")).await?)
        } else {
            None
        };
        let known = self.raw.connect.get_or_insert_default();
        known.sessions = sessions;
        if let Some(operations) = operations {
            known.operations = operations;
        }
        Ok(Some(news))
    }

    /// Brings the SQL executions up to date; whether there was anything to do.
    async fn refresh_executions(&mut self, new_jobs: bool) -> Result<bool, Error> {
        let last = self.raw.executions.last().map(|execution| execution.id);
        let running = self.raw.executions.iter().any(wire::Execution::running);
        let due = self.sweep() || new_jobs || running || self.restless;
        if !due && !self.exists("sql", last).await? {
            return Ok(false);
        }
        // `length` is 20 unless told.
        let path = self.path("sql?details=false&planDescription=false&offset=0&length=1000000");
        let mut executions: Vec<wire::Execution> = self.rest.need(&path).await?;
        executions.sort_unstable_by_key(|execution| execution.id);
        let news = last != executions.last().map(|execution| execution.id);
        self.raw.executions = executions;
        Ok(news)
    }
}
