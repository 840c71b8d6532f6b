//! What is waited for in a namespace, and what went on there when it did not come about. Does I/O through kubectl.

use std::time::Duration;

use serde_json::Value;
use sparkconnect_testkit::install;

use crate::namespace::Namespace;
use crate::wait::{LONG, eventually};

impl Namespace {
    /// Waits until `look` gives what is waited for.
    ///
    /// # Panics
    /// When it does not in three minutes: with what was seen last, and all that the namespace tells.
    pub fn until<T>(&self, what: &str, look: impl FnMut() -> Result<T, String>) -> T {
        self.within(LONG, what, look)
    }

    /// The same with another limit.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        look: impl FnMut() -> Result<T, String>,
    ) -> T {
        eventually(limit, look).unwrap_or_else(|seen| {
            let seconds = limit.as_secs();
            panic!(
                "waited {seconds} s for {what}; last seen: {seen}\n{}",
                self.explain()
            )
        })
    }

    /// Waits until `matches` holds for an object, and returns it.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn until_object(
        &self,
        object: &str,
        what: &str,
        matches: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until(&format!("{object} to be {what}"), || {
            let found = self.get(object).ok_or("there is none")?;
            if matches(&found) {
                Ok(found)
            } else {
                Err(found["status"].to_string())
            }
        })
    }

    /// Waits until a resource's condition has the status and the reason, and returns its message.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn until_condition(&self, object: &str, type_: &str, status: &str, reason: &str) -> String {
        let what = format!("{type_}={status} for {reason}");
        let is = |found: &Value| {
            let condition = condition(found, type_);
            condition["status"] == status && condition["reason"] == reason
        };
        let found = self.until_object(object, &what, is);
        condition(&found, type_)["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until a resource is Ready and its status speaks of its present spec.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn until_ready(&self, object: &str) -> Value {
        self.until_object(object, "Ready", |found| {
            found["status"]["phase"] == "Ready"
                && condition(found, "Ready")["status"] == "True"
                && found["status"]["observedGeneration"] == found["metadata"]["generation"]
        })
    }

    /// Waits until an object is gone.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn until_gone(&self, object: &str) {
        self.until(&format!("{object} to be gone"), || {
            self.get(object)
                .map_or(Ok(()), |found| Err(found["metadata"].to_string()))
        });
    }

    /// Waits for an event about `object` with the reason, and returns its text.
    ///
    /// # Panics
    /// As [`Self::until`].
    pub fn until_event(&self, object: &str, reason: &str) -> String {
        let name = object.rsplit('/').next().unwrap_or(object);
        let about = format!("involvedObject.name={name},reason={reason}");
        self.until(&format!("an event {reason} about {name}"), || {
            let text = self.kubectl(&["get", "events", "--field-selector", &about, "-o=json"]);
            let list: Value = serde_json::from_str(&text).expect("kubectl writes JSON");
            let message = list["items"][0]["message"].as_str();
            message
                .map(str::to_owned)
                .ok_or_else(|| "no such event".to_owned())
        })
    }

    /// Everything that the namespace tells of a failure.
    pub fn explain(&self) -> String {
        let run = |args: &[&str]| {
            self.try_kubectl(args)
                .unwrap_or_else(|error| error.to_string())
        };
        let resources = run(&["get", "sparkconnectservers,sparksessions", "-o=yaml"]);
        let pods = run(&["get", "pods", "-o=wide"]);
        let events = run(&["get", "events", "--sort-by=.lastTimestamp"]);
        let logs = run(&[
            "logs",
            "-l=app.kubernetes.io/managed-by=sparkconnect",
            "--tail=25",
            "--prefix",
        ]);
        let ours = "-l=app.kubernetes.io/name in (sparkconnect-operator, sparkconnect-gateway)";
        let ours = [
            "-n",
            install::NAMESPACE,
            "logs",
            "--tail=25",
            "--prefix",
            ours,
        ];
        let ours = self.environment().kubectl.run(&ours);
        let ours = ours.unwrap_or_else(|error| error.to_string());
        format!("{resources}\n{pods}\n{events}\n{logs}\n{ours}")
    }
}

/// A condition of a resource; null where it has none of the type.
fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut found = conditions
        .into_iter()
        .flatten()
        .filter(|found| found["type"] == type_);
    found.next().cloned().unwrap_or(Value::Null)
}
