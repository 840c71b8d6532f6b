//! The reasons of conditions and events: a closed set, each with what it means and what helps. `docs/reference/conditions.md` is made
//! from it, so that no reason is told that is not explained. No I/O.

use crate::condition::{
    ACCESS_ENFORCED, ASSIGNED, CONF_APPLIED, DEGRADED, ENDED, INPUTS_RESOLVED, PROGRESSING, READY,
    RECONCILING, STALLED, SUSPENDED, VERSION_MATCHED,
};

/// Which resource a reason is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SparkConnectServer.
    Server,
    /// SparkSession.
    Session,
}

/// Whether a condition that takes on a reason is told as an event too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is not.
    No,
    /// It went as it should.
    Normal,
    /// A person should look.
    Warning,
}

/// A condition and its status that may have a reason.
type Place = (&'static str, &'static str);

/// Where a problem of a server is told: its own condition, why no replica serves, and whether waiting helps.
const MISSING: &[Place] = &[
    (INPUTS_RESOLVED, "False"),
    (READY, "False"),
    (RECONCILING, "True"),
];
const INPUT: &[Place] = &[
    (INPUTS_RESOLVED, "False"),
    (READY, "False"),
    (STALLED, "True"),
];
const WRONG: &[Place] = &[(DEGRADED, "True"), (READY, "False"), (STALLED, "True")];
const SHORT: &[Place] = &[(DEGRADED, "True"), (READY, "False"), (RECONCILING, "True")];
const VERSION: &[Place] = &[
    (VERSION_MATCHED, "False"),
    (READY, "False"),
    (STALLED, "True"),
];
/// Why a session has no replica.
const WAITS: &[Place] = &[(ASSIGNED, "False"), (READY, "False")];
const NOT_READY: &[Place] = &[(READY, "False")];
/// How a session ended: as it was meant, or not.
const MEANT: &[Place] = &[(ENDED, "True")];
const NOT_MEANT: &[Place] = &[(ENDED, "True"), (STALLED, "True")];

macro_rules! reasons {
    ($($name:ident: $kind:ident, $told:ident, $places:expr, $meaning:literal, $cure:literal;)*) => {
        /// Why a condition is as it is, and what an event tells: one word for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Which resource it is told of.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }

            /// Whether it is told as an event.
            pub const fn told(self) -> Told {
                match self { $(Self::$name => Told::$told,)* }
            }

            /// The conditions and their statuses that may have it; none for one that is an event only.
            pub const fn places(self) -> &'static [Place] {
                match self { $(Self::$name => $places,)* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What a person can do; empty where there is nothing to do.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$name => $cure,)* }
            }
        }
    };
}

reasons! {
    Serving: Server, Normal, &[(READY, "True")],
        "At least one replica answers the probe and takes sessions.", "";
    Starting: Server, Normal, &[(READY, "False"), (PROGRESSING, "True"), (RECONCILING, "True")],
        "Replicas are on their way. The message of Ready says what the first one waits for.", "";
    Draining: Server, Normal, &[(READY, "False"), (PROGRESSING, "True"), (RECONCILING, "True")],
        "Replicas that are outdated or too many keep their sessions and take no new ones. The message of Progressing says how many sessions are in the way.",
        "Wait for `rollout.drainTimeout` at the most, or close the sessions.";
    Restarting: Server, Normal, &[(PROGRESSING, "True"), (RECONCILING, "True")],
        "Replicas are being replaced, or go.", "";
    Settled: Server, No, &[(PROGRESSING, "False")],
        "Every replica is as wanted.", "";
    Blocked: Server, No, &[(PROGRESSING, "False")],
        "Nothing is changed until the spec or what it names is mended. Replicas that run go on.",
        "Another condition says what to mend.";
    Suspended: Server, Normal, &[(SUSPENDED, "True")],
        "The server is stopped, by `spec.suspend` or `spec.replicas: 0`.",
        "Set `suspend: false`, or `replicas`.";
    VersionMatches: Server, Normal, &[(VERSION_MATCHED, "True")],
        "Every replica that answers reports `spec.version`.", "";
    VersionDiffers: Server, Warning, &[(VERSION_MATCHED, "False"), (STALLED, "True")],
        "A replica reports another version than `spec.version`.",
        "Name an image of that version, or set `version` to what it reports.";
    VersionNotSupported: Server, Warning, VERSION,
        "Servers of `spec.version` cannot be run.", "Use Spark 4.0 to 4.3.";
    NotAnswered: Server, No, &[(VERSION_MATCHED, "Unknown")],
        "No replica has told its version yet.", "";
    Resolved: Server, Normal, &[(INPUTS_RESOLVED, "True")],
        "Everything that the spec names is there and usable.", "";
    SecretNotFound: Server, Warning, MISSING,
        "A Secret that the spec names is not in the namespace.",
        "Make it, or take its name out of the spec. The server goes on by itself.";
    ConfigMapNotFound: Server, Warning, MISSING,
        "A ConfigMap that the spec names is not in the namespace.",
        "Make it, or take its name out of the spec. The server goes on by itself.";
    KeyNotFound: Server, Warning, MISSING,
        "A Secret or ConfigMap lacks a key that `sparkConfFrom` names.",
        "Add the key, or take the entry out.";
    SourceMissing: Server, Warning, INPUT,
        "An entry of `sparkConfFrom` names neither a Secret nor a ConfigMap.",
        "Give it `secretKeyRef` or `configMapKeyRef`.";
    NotText: Server, Warning, INPUT,
        "A value that is to be a setting is not UTF-8 text.",
        "Inject it as `Files`.";
    InvalidSetting: Server, Warning, INPUT,
        "A key that is to be a Spark setting does not begin with `spark.`.",
        "Rename the key, or inject as `HadoopConf`.";
    ReservedSetting: Server, Warning, INPUT,
        "A setting is decided by a field of the spec, or by the operator.",
        "Take it out where the message says, and use the field that it names.";
    DuplicateSetting: Server, Warning, INPUT,
        "Two Secrets or ConfigMaps give the same setting.", "Take it out of one of them.";
    SettingNotSecret: Server, Warning, INPUT,
        "A Secret gives a setting that Spark writes where everybody can read it.",
        "Inject it as `Env` or `Files`, or give it in `sparkConf` if it is not secret.";
    InvalidVariable: Server, Warning, INPUT,
        "A key that is injected as `Env` is not the name of an environment variable.",
        "Rename the key, or inject it as `Files`.";
    ReservedVariable: Server, Warning, INPUT,
        "A key that is injected as `Env` is a variable that the operator sets.",
        "Take the key out; what is to be added to the operator's value goes into the pods' templates.";
    DuplicateVariable: Server, Warning, INPUT,
        "Two Secrets or ConfigMaps give the same environment variable.",
        "Take it out of one of them.";
    InvalidAnnotation: Server, Warning, INPUT,
        "A Secret or ConfigMap that is labelled for injection has an annotation that cannot be.",
        "Mend it as the message says, or take the label off.";
    MountPathTaken: Server, Warning, INPUT,
        "Injected files would be mounted over something else.", "Choose another `mountPath`.";
    AsExpected: Server, Normal, &[(DEGRADED, "False")],
        "Nothing needs a person.", "";
    InvalidResource: Server, Warning, WRONG,
        "The resource has no name, namespace or UID.", "Create it in a cluster first.";
    InvalidTemplate: Server, Warning, WRONG,
        "A pod template sets what the operator decides, or is no pod template.",
        "Take out what the message names.";
    InvalidResources: Server, Warning, WRONG,
        "A limit of `resources` is below its request.",
        "Raise the limit, or give a lower request.";
    InvalidJavaOptions: Server, Warning, WRONG,
        "`javaOptions` has an option that Spark refuses.",
        "Use the field that the message names.";
    InvalidDependencies: Server, Warning, WRONG,
        "A Python file would reach no session in mode `Local`.",
        "Put it into the image, or upload it as an artifact of each session.";
    ImageNotPulled: Server, Warning, WRONG,
        "A driver's image cannot be pulled.",
        "Mend `image`, `imagePullSecrets` or the registry.";
    DriverFails: Server, Warning, WRONG,
        "A driver ends at its start, again and again. The message is what Spark said last.",
        "Mend the setting that it speaks of; `kubectl sparkconnect server logs NAME` has the whole log.";
    OutOfMemory: Server, Warning, WRONG,
        "A driver was killed for using more memory than its limit.",
        "Raise `driver.memory` or `driver.memoryOverhead`.";
    Unschedulable: Server, Warning, SHORT,
        "No node takes a driver pod.",
        "Ask for less in `driver`, or add nodes; the message says what is short.";
    PodsRefused: Server, Warning, SHORT,
        "The cluster does not let the driver pods be made: a quota, or an admission policy.",
        "Raise the quota, or make the spec fit the policy.";
    ObjectsRefused: Server, Warning, SHORT,
        "The API server refuses an object of the server, or somebody else's object has its name.",
        "The message has its words. Where it says `forbidden`, the operator lacks a right; where it says `is there already`, delete that object, or give the server another name.";
    PodTrouble: Server, Warning, SHORT,
        "A driver pod has trouble of another kind, which the message names.",
        "`kubectl describe pod` has more.";
    Assigned: Session, No, &[(ASSIGNED, "True")],
        "The session has a replica.", "";
    Creating: Session, No, NOT_READY,
        "The session is being made on its replica.", "";
    Created: Session, Normal, &[(READY, "True")],
        "The session exists on its replica, and its connection Secret is written.", "";
    NoReplicaReady: Session, Normal, WAITS,
        "No replica takes sessions at the moment. The session waits.",
        "Look at the server: its message is in the session's.";
    ServerNotFound: Session, Warning, WAITS,
        "There is no server of that name in the namespace, or it is being deleted. The session waits.",
        "Make the server, or make the session anew with the right `server`.";
    ServerSuspended: Session, Normal, &[(ASSIGNED, "False"), (READY, "False"), (ENDED, "True"), (STALLED, "True")],
        "The server is suspended: the session waits for it, or is Lost where it lived on it.",
        "Set the server's `suspend: false`.";
    ServerDegraded: Session, Warning, WAITS,
        "The server needs a person before it serves. The session waits.",
        "The message is the server's: mend that.";
    Recreating: Session, Warning, WAITS,
        "The session's replica is gone, and `onServerLoss: Recreate` has it made anew, with its `sparkConf` and `artifacts` and nothing else.", "";
    ReplicaUnreachable: Session, Warning, NOT_READY,
        "The session's replica does not answer at the moment. The session is kept.",
        "If it lasts, `kubectl sparkconnect session logs NAME`: a full garbage collection, a lost node, a network policy.";
    ArtifactNotFound: Session, Warning, NOT_READY,
        "An artifact's Secret, ConfigMap or key is not there. The session waits.",
        "Make it. It is looked for again by itself.";
    ArtifactNotRead: Session, Warning, NOT_READY,
        "The API server did not give an artifact's Secret or ConfigMap. It is asked again.",
        "The message has its words.";
    ArtifactRejected: Session, Warning, NOT_MEANT,
        "Spark took an artifact in no way. The session is Failed.",
        "Mend the artifact, and make the session anew.";
    SecretRefused: Session, Warning, NOT_READY,
        "The API server does not take the connection Secret. It is tried again.",
        "The message has its words: often a quota, or an admission policy.";
    SecretNameTaken: Session, Warning, &[(READY, "False"), (STALLED, "True")],
        "Another Secret has the name of the connection Secret.",
        "Delete that Secret, or make the session under another name.";
    SessionIdInvalid: Session, Warning, NOT_MEANT,
        "`sessionId` is not a UUID. The session is Failed.", "Leave `sessionId` out.";
    SessionIdTaken: Session, Warning, NOT_MEANT,
        "Another SparkSession of the server has that `sessionId` and `user`. The session is Failed.",
        "Leave `sessionId` out, or delete the other one first.";
    SessionIdUsed: Session, Warning, NOT_MEANT,
        "The replica had a session of that id and user before, and takes no second one. The session is Failed.",
        "Leave `sessionId` out, or give a new one.";
    CloneLost: Session, Warning, NOT_MEANT,
        "The replica that a clone was made on is gone. The session is Failed.", "Clone again.";
    ServerFailed: Session, Warning, &[(READY, "False"), (CONF_APPLIED, "False")],
        "The replica did not do what it was asked. It is tried again.",
        "The message has Spark's words; `kubectl sparkconnect session logs NAME` has more.";
    ReleasedByClient: Session, Normal, MEANT,
        "A client ended the session, as `spark.stop()` does. It is Closed.", "";
    Idle: Session, Normal, MEANT,
        "The session had no activity for its `idleTimeout`. It is Expired.",
        "Make a new one; a longer `idleTimeout` keeps it longer.";
    TtlPassed: Session, Normal, MEANT,
        "The session reached its `ttl`. It is Expired.", "Make a new one.";
    ServerLost: Session, Warning, NOT_MEANT,
        "The session's replica ended, restarted, or no longer knows the session. It is Lost.",
        "Make a new one; `onServerLoss: Recreate` does that by itself.";
    ServerDeleted: Session, Warning, NOT_MEANT,
        "The server was deleted. The session is Lost.", "Make a new one on another server.";
    Applied: Session, Normal, &[(CONF_APPLIED, "True")],
        "Every setting of `sparkConf` is in force.", "";
    ConfRejected: Session, Warning, &[(READY, "False"), (CONF_APPLIED, "False"), (STALLED, "True")],
        "Spark refuses a setting of `sparkConf`, which the message names.",
        "Mend it in the spec. Those that were in force before stay so.";
    Gateway: Session, No, &[(ACCESS_ENFORCED, "True")],
        "The URL leads to the gateway; its token opens this session only.", "";
    NoGateway: Session, No, &[(ACCESS_ENFORCED, "False")],
        "The URL leads to the server itself, whose one token opens all its sessions.",
        "Install the gateway, where users are to be kept apart.";
    NotReleased: Session, Warning, &[],
        "The replica could not be asked to release a session that was deleted: it may go on there until the replica restarts.",
        "Restart the server if it matters: `kubectl sparkconnect server restart NAME`.";
}

impl Reason {
    /// The reason of that word.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.name() == name)
    }
}

/// A condition in a resource has its reason as a text.
impl PartialEq<&str> for Reason {
    fn eq(&self, name: &&str) -> bool {
        self.name() == *name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_explained_and_a_warning_says_what_to_do() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of(reason.name()), Some(*reason));
            assert!(reason.meaning().ends_with('.'), "{reason:?}");
            let cure = reason.cure();
            assert!(cure.is_empty() || cure.ends_with('.'), "{reason:?}");
            // The one that is being helped already needs nobody.
            let helped = *reason == Reason::Recreating;
            if reason.told() == Told::Warning && !helped {
                assert!(!cure.is_empty(), "{reason:?}");
            }
        }
    }
}
