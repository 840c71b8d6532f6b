//! Whose job it is: reads the names that Spark Connect gives to jobs and SQL executions. No I/O.

use uuid::Uuid;

use crate::SessionRef;

/// Names a session across all users of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// The user, as given by the client.
    pub user: String,
    /// The session's id.
    pub session_id: Uuid,
}

impl SessionKey {
    /// The session `session_id` of `user`.
    pub fn new(user: impl Into<String>, session_id: Uuid) -> Self {
        Self {
            user: user.into(),
            session_id,
        }
    }
}

impl From<&SessionRef> for SessionKey {
    fn from(session: &SessionRef) -> Self {
        Self::new(session.user.clone(), session.session_id)
    }
}

const UUID_LENGTH: usize = 36;

/// The session and the operation in a job tag `SparkConnect_OperationTag_User_<user>_Session_<uuid>_Operation_<uuid>`.
///
/// The user may be any text, `_Session_` included: the parse is anchored on the two UUIDs at the end.
pub(crate) fn operation(tag: &str) -> Option<(SessionKey, Uuid)> {
    let rest = tag.strip_prefix("SparkConnect_OperationTag_User_")?;
    let (rest, operation) = uuid_at_end(rest)?;
    let (rest, session_id) = uuid_at_end(rest.strip_suffix("_Operation_")?)?;
    let user = rest.strip_suffix("_Session_")?;
    Some((SessionKey::new(user, session_id), operation))
}

fn uuid_at_end(text: &str) -> Option<(&str, Uuid)> {
    let (rest, id) = text.split_at_checked(text.len().checked_sub(UUID_LENGTH)?)?;
    Some((rest, Uuid::try_parse(id).ok()?))
}

/// The SQL execution at the root of a job, in its tag `spark-session-<uuid>-execution-root-id-<number>`.
pub(crate) fn root_execution(tag: &str) -> Option<u64> {
    let (_, root) = tag
        .strip_prefix("spark-session-")?
        .split_once("-execution-root-id-")?;
    root.parse().ok()
}

/// The session in a SQL execution's description, which starts `Spark Connect - session_id: "<uuid>"`. What follows, the
/// user among it, is cut at about 150 characters.
pub(crate) fn described_session(description: &str) -> Option<Uuid> {
    let rest = description.strip_prefix("Spark Connect - session_id: \"")?;
    Uuid::try_parse(rest.split_once('"')?.0).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(user: &str, session: Uuid, operation: Uuid) -> String {
        format!("SparkConnect_OperationTag_User_{user}_Session_{session}_Operation_{operation}")
    }

    proptest! {
        #[test]
        fn any_user_is_read_back(user in ".*", session: u128, op: u128) {
            let (session, op) = (Uuid::from_u128(session), Uuid::from_u128(op));
            let key = SessionKey::new(user.clone(), session);
            prop_assert_eq!(operation(&tag(&user, session, op)), Some((key, op)));
        }

        #[test]
        fn anything_else_is_nobodys(text in ".*") {
            prop_assert_eq!(operation(&text), None);
            prop_assert_eq!(described_session(&text), None);
        }
    }

    #[test]
    fn a_user_that_looks_like_a_tag_is_still_a_user() {
        let (session, op) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let user = tag("x", Uuid::from_u128(3), Uuid::from_u128(4));
        let key = SessionKey::new(user.clone(), session);
        assert_eq!(operation(&tag(&user, session, op)), Some((key, op)));
    }

    #[test]
    fn a_description_and_a_root_are_read() {
        let id = Uuid::from_u128(7);
        let text = format!("Spark Connect - session_id: \"{id}\"\nuser_context {{\n  user_id: \"a");
        assert_eq!(described_session(&text), Some(id));
        assert_eq!(
            root_execution(&format!("spark-session-{id}-execution-root-id-5")),
            Some(5)
        );
        assert_eq!(root_execution(&format!("spark-session-{id}")), None);
    }
}
