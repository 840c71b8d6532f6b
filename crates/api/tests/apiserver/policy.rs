//! Who may make a session in whose name: the policy of `deploy/cluster-wide/access`, and the roles that go with it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sparkconnect_testkit::Result;
use sparkconnect_testkit::process::{Seen, wait_for};

use crate::fixture::{PATIENCE, kubectl, kubectl_with};

/// People make sessions in either namespace; in one of them the manager may do it in others' names, and carol may connect.
const ROLES: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: people}
rules:
  - {apiGroups: [sparkconnect.dev], resources: [sparksessions], verbs: [get, create, update, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: people}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: people}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: people}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: manager, namespace: default}
rules:
  - {apiGroups: [sparkconnect.dev], resources: [sparksessions], verbs: [impersonate]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: manager, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: manager}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: manager}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: carol, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sparkconnect-connect}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: secrets, namespace: default}
rules:
  - {apiGroups: [\"\"], resources: [secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: secrets, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: secrets}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: keeper}]
";

const GATEWAY: &str = "system:serviceaccount:sparkconnect-system:sparkconnect-gateway";

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(path)
}

/// Installs the policy and the roles, and waits until the API server heeds it: it takes up a policy a moment later.
static INSTALLED: LazyLock<()> = LazyLock::new(|| {
    let policy = deploy("cluster-wide/access").display().to_string();
    let gateway = deploy("cluster-wide/gateway/rbac.yaml");
    let gateway = gateway.display().to_string();
    kubectl(&["apply", "--filename", &policy]).expect("the policy is valid");
    kubectl(&["apply", "--filename", &gateway]).expect("the gateway's roles are valid");
    kubectl_with(&["apply"], ROLES).expect("the roles are valid");
    let heeded = wait_for("the policy to be heeded", PATIENCE, || {
        Ok(match create("probe", "default", Some("another")) {
            Err(error) if error.to_string().contains("spec.user") => Seen::Done(()),
            Err(error) => Seen::NotYet(error.to_string()),
            Ok(_) => Seen::NotYet("the session was taken".to_owned()),
        })
    });
    heeded.expect("the policy is heeded");
});

fn manifest(name: &str, namespace: &str, user: Option<&str>) -> String {
    let user = user.map_or_else(String::new, |user| format!(", user: \"{user}\""));
    format!(
        "apiVersion: sparkconnect.dev/v1alpha1\nkind: SparkSession\n\
         metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{server: demo{user}}}\n"
    )
}

/// Whether `person` could create a session that works as `user`.
fn create(person: &str, namespace: &str, user: Option<&str>) -> Result<String> {
    let as_person = format!("--as={person}");
    let args = [
        "create",
        "--dry-run=server",
        &as_person,
        "--as-group=people",
    ];
    kubectl_with(&args, &manifest("asked", namespace, user))
}

#[test]
fn a_person_makes_sessions_in_his_own_name_or_none() {
    LazyLock::force(&INSTALLED);
    create("ada", "default", Some("ada")).unwrap();
    create("ada", "default", None).unwrap();
    // Another person, the default of another session, and no name at all.
    for user in ["bob", "default/another", "ADA"] {
        let refused = create("ada", "default", Some(user))
            .unwrap_err()
            .to_string();
        for part in [
            "must be your own name, ada,",
            "impersonate on sparksessions in namespace default",
        ] {
            assert!(refused.contains(part), "{user}: {refused}");
        }
    }
    let args = ["apply", "--server-side", "--as=ada", "--as-group=people"];
    let applied = kubectl_with(&args, &manifest("applied", "default", Some("bob")));
    let refused = applied.unwrap_err().to_string();
    assert!(refused.contains("must be your own name, ada,"), "{refused}");
}

#[test]
fn who_may_impersonate_makes_them_in_any_name_there_and_nowhere_else() {
    LazyLock::force(&INSTALLED);
    create("manager", "default", Some("bob")).unwrap();
    let refused = create("manager", "other", Some("bob"))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("in namespace other"), "{refused}");
    // The gateway, by the role that it is installed with.
    let args = ["create", "--dry-run=server", "--as", GATEWAY];
    kubectl_with(&args, &manifest("made", "other", Some("bob"))).unwrap();
}

/// The operator reads them with its own rights: without this, whoever may make a session could have any Secret of the namespace.
#[test]
fn who_may_not_read_secrets_cannot_have_one_as_an_artifact() {
    LazyLock::force(&INSTALLED);
    let create = |person: &str, source: &str| {
        let artifact =
            |n| format!("{{name: files/{n}, {source}: {{name: ada-connection, key: token}}}}");
        let artifacts: Vec<String> = (0..20).map(artifact).collect();
        let spec = format!("{{server: demo, artifacts: [{}]}}", artifacts.join(", "));
        let manifest = manifest("asked", "default", None).replace("{server: demo}", &spec);
        let (person, group) = (format!("--as={person}"), "--as-group=people");
        kubectl_with(&["create", "--dry-run=server", &person, group], &manifest)
    };
    create("keeper", "secretKeyRef").unwrap();
    create("ada", "configMapKeyRef").unwrap();
    let refused = create("ada", "secretKeyRef").unwrap_err().to_string();
    let told = "spec.artifacts has a Secret, for which you need the verb get on secrets in namespace default";
    assert!(refused.contains(told), "{refused}");
}

#[test]
fn a_change_that_leaves_the_user_alone_is_anybodys() {
    LazyLock::force(&INSTALLED);
    kubectl_with(&["create"], &manifest("bobs", "default", Some("bob"))).unwrap();
    let patch = |change: &str| {
        let args = [
            "patch",
            "sparksession/bobs",
            "--type=merge",
            "--as=ada",
            "--as-group=people",
            "-p",
        ];
        kubectl(&[&args[..], &[change]].concat())
    };
    patch(r#"{"spec": {"idleTimeout": "5m"}}"#).unwrap();
    let refused = patch(r#"{"spec": {"user": "ada"}}"#)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("user"), "{refused}");
}

#[test]
fn the_role_to_hand_out_lets_people_connect_where_it_is_bound() {
    LazyLock::force(&INSTALLED);
    let may = |person: &str, namespace: &str| {
        let person = format!("--as={person}");
        let args = [
            "auth",
            "can-i",
            "connect",
            "sparkconnectservers/demo",
            &person,
            "-n",
            namespace,
        ];
        kubectl(&args).is_ok()
    };
    assert!(may("carol", "default"));
    assert!(!may("carol", "other") && !may("ada", "default"));
}
