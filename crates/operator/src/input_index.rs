//! Which Secrets and ConfigMaps servers use, in memory: a change of one of them concerns its users, also when a label that
//! made it so was just taken away. No I/O.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use sparkconnect_api::SparkConnectServer;

use crate::server::inputs::SourceRef;

/// Which Secrets and ConfigMaps each server used when it was last looked at, in memory.
#[derive(Debug, Default)]
pub struct InputIndex {
    used: Mutex<HashMap<String, BTreeSet<SourceRef>>>,
}

impl InputIndex {
    /// Notes what a server uses.
    pub fn set(&self, server: &SparkConnectServer, used: BTreeSet<SourceRef>) {
        self.lock().insert(server.uid().unwrap_or_default(), used);
    }

    /// Whether a server used an object when it was last looked at.
    pub fn uses(&self, server: &SparkConnectServer, reference: &SourceRef) -> bool {
        let uid = server.uid().unwrap_or_default();
        self.lock()
            .get(&uid)
            .is_some_and(|used| used.contains(reference))
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeSet<SourceRef>>> {
        // One insert or removal at a time: the map is sound even after a panic.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(uid: &str) -> SparkConnectServer {
        let mut server = SparkConnectServer::new(
            "demo",
            serde_json::from_str(r#"{"version": "4.3.0"}"#).unwrap(),
        );
        server.metadata.uid = Some(uid.to_owned());
        server
    }

    #[test]
    fn a_server_uses_what_it_used_when_it_was_last_looked_at() {
        let index = InputIndex::default();
        let (one, other) = (server("1"), server("2"));
        index.set(&one, [SourceRef::secret("s3")].into());
        assert!(index.uses(&one, &SourceRef::secret("s3")));
        assert!(!index.uses(&one, &SourceRef::config_map("s3")));
        assert!(!index.uses(&other, &SourceRef::secret("s3")));
        index.set(&one, BTreeSet::new());
        assert!(!index.uses(&one, &SourceRef::secret("s3")));
        index.set(&one, [SourceRef::secret("s3")].into());
        index.forget("1");
        assert!(!index.uses(&one, &SourceRef::secret("s3")));
    }
}
