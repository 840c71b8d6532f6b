//! Who a session is on its server. No I/O.

use kube::ResourceExt;
use sparkconnect_api::SparkSession;
use sparkconnect_spark::SessionRef;
use uuid::Uuid;

use crate::placement::SessionName;

/// Setting that holds the application's name.
const APP_NAME: &str = "spark.app.name";

/// The session's name on its server; `None` when `spec.sessionId` is no UUID, which the schema refuses.
pub fn session_ref(session: &SparkSession) -> Option<SessionRef> {
    let id = Uuid::parse_str(&session.id_on_server()?).ok()?;
    Some(SessionRef::new(session.user_on_server(), id))
}

/// The session as it was made: a call finds out if it was made anew since.
pub fn observed_ref(session: &SparkSession) -> Option<SessionRef> {
    let reference = session_ref(session)?;
    let made = session.status.as_ref()?.server_side_session_id.clone()?;
    Some(reference.observed(made))
}

/// What no other session may be called at the same time; `None` as for [`session_ref`].
pub fn name(session: &SparkSession) -> Option<SessionName> {
    let reference = session_ref(session)?;
    Some(SessionName {
        namespace: session.namespace().unwrap_or_default(),
        server: session.spec.server.clone(),
        user: reference.user,
        id: reference.session_id,
    })
}

/// What is set on the session, in order: its application's name first, so that `sparkConf` wins over `appName`.
pub fn settings(session: &SparkSession) -> Vec<(String, String)> {
    let app_name = session
        .spec
        .app_name
        .iter()
        .map(|name| (APP_NAME.to_owned(), name.clone()));
    let conf = session
        .spec
        .spark_conf
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()));
    app_name.chain(conf).collect()
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
