//! What the definitions promise beside rules: strictness, nulls, subresources, columns and `kubectl explain`.

use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::fixture::{api, create, kubectl, kubectl_with};
use crate::schema::Kind;

fn server(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: sparkconnect.dev/v1alpha1\nkind: SparkConnectServer\n\
         metadata: {{ name: {name} }}\nspec: {spec}\n"
    )
}

#[test]
fn an_unknown_field_is_refused() {
    let manifest = server("strict", "{ version: 4.1.4, driver: { core: 2 } }");
    let error = kubectl_with(&["create", "--dry-run=server"], &manifest).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains(r#"unknown field "spec.driver.core""#),
        "{error}"
    );
}

#[test]
fn a_pod_template_may_have_any_field() {
    let spec = "{ version: 4.1.4, driver: { template: { spec: { hostname: x, a: [{ b: 1 }] } } } }";
    let path = "jsonpath={.spec.driver.template}";
    let manifest = server("template", spec);
    let stored = kubectl_with(&["create", "--dry-run=server", "--output", path], &manifest);
    assert_eq!(
        stored.unwrap(),
        r#"{"spec":{"a":[{"b":1}],"hostname":"x"}}"#
    );
}

#[test]
fn an_explicit_null_counts_as_absent() {
    let spec =
        "{ version: 4.1.4, image: null, mode: null, executor: null, driver: { cores: null } }";
    let args = ["create", "--dry-run=server", "--output=jsonpath={.spec}"];
    let with_nulls = kubectl_with(&args, &server("nulls", spec)).unwrap();
    let without = kubectl_with(&args, &server("nulls", "{ version: 4.1.4 }")).unwrap();
    assert_eq!(with_nulls, without);
}

#[test]
fn client_side_apply_twice_changes_nothing() {
    let manifest = server("applied", "{ version: 4.1.4, executor: { instances: 2 } }");
    let first = kubectl_with(&["apply"], &manifest).unwrap();
    let second = kubectl_with(&["apply"], &manifest).unwrap();
    assert!(
        first.ends_with("created") && second.ends_with("unchanged"),
        "{first}, {second}"
    );
}

#[tokio::test]
async fn the_scale_subresource_has_size_and_selector() {
    let kind = Kind::SparkConnectServer;
    let (resource, manifest) = (
        kind.resource(),
        json!({ "metadata": { "name": "scaled" }, "spec": { "version": "4.1.4" } }),
    );
    let api = api(&resource).await;
    create(&api, &resource, &manifest, false).await.unwrap();
    let status =
        json!({ "status": { "replicas": 2, "selector": "sparkconnect.dev/server=scaled" } });
    let patched = api
        .patch_status("scaled", &PatchParams::default(), &Patch::Merge(status))
        .await;
    patched.unwrap();
    kubectl(&["scale", "scs/scaled", "--replicas=3"]).unwrap();
    let scale = api.get_scale("scaled").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(3));
    let status = scale.status.unwrap();
    let selector = status.selector.as_deref();
    assert_eq!(
        (status.replicas, selector),
        (2, Some("sparkconnect.dev/server=scaled"))
    );
    let error = kubectl(&["scale", "scs/scaled", "--replicas=101"])
        .unwrap_err()
        .to_string();
    assert!(error.contains("less than or equal to 100"), "{error}");
}

#[tokio::test]
async fn spec_and_status_are_written_apart() {
    let kind = Kind::SparkSession;
    let resource = kind.resource();
    let api = api(&resource).await;
    let manifest = json!({
        "metadata": { "name": "apart" },
        "spec": { "server": "pool" },
        "status": { "phase": "Ready" },
    });
    let created = create(&api, &resource, &manifest, false).await.unwrap();
    assert_ne!(created.data["status"]["phase"], "Ready");
    let both = json!({ "spec": { "ttl": "1h" }, "status": { "phase": "Pending" } });
    let patched = api
        .patch_status("apart", &PatchParams::default(), &Patch::Merge(both))
        .await
        .unwrap();
    assert_eq!(patched.data["spec"], json!({ "server": "pool" }));
    assert_eq!(patched.data["status"]["phase"], "Pending");
    assert_eq!(patched.metadata.generation, created.metadata.generation);
    let mut replaced = patched.clone();
    replaced.data["status"] = json!({ "phase": "Ready" });
    let replaced = api
        .replace("apart", &PostParams::default(), &replaced)
        .await
        .unwrap();
    assert_eq!(replaced.data["status"]["phase"], "Pending");
}

/// Tools that wait take a resource without an observed generation for one that needs none.
#[tokio::test]
async fn until_the_operator_has_seen_it_a_resource_has_a_generation_that_none_has() {
    for (kind, spec) in [
        (Kind::SparkConnectServer, json!({ "version": "4.1.4" })),
        (Kind::SparkSession, json!({ "server": "pool" })),
    ] {
        let resource = kind.resource();
        let api = api(&resource).await;
        let manifest = json!({ "metadata": { "name": "unseen" }, "spec": spec });
        create(&api, &resource, &manifest, false).await.unwrap();
        let unseen = api.get("unseen").await.unwrap();
        assert_eq!(unseen.data["status"], json!({ "observedGeneration": -1 }));
        assert_eq!(unseen.metadata.generation, Some(1));
    }
}

#[tokio::test]
async fn a_status_is_checked_and_gets_no_other_values_by_default() {
    let kind = Kind::SparkConnectServer;
    let (resource, manifest) = (
        kind.resource(),
        json!({ "metadata": { "name": "observed" }, "spec": { "version": "4.1.4" } }),
    );
    let api = api(&resource).await;
    create(&api, &resource, &manifest, false).await.unwrap();
    let write = async |status: Value| {
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status("observed", &PatchParams::default(), &patch)
            .await
    };
    let stored = write(json!({ "phase": "Pending" })).await.unwrap();
    let expected = json!({ "phase": "Pending", "observedGeneration": -1 });
    assert_eq!(stored.data["status"], expected);
    let condition = json!({
        "type": "Ready", "status": "True", "reason": "Serving", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    });
    write(json!({ "conditions": [condition] })).await.unwrap();
    for (field, value) in [
        ("status", "yes"),
        ("reason", "two words"),
        ("type", ""),
        ("lastTransitionTime", "now"),
    ] {
        let mut wrong = condition.clone();
        wrong[field] = value.into();
        let outcome = write(json!({ "conditions": [wrong] })).await;
        let error = outcome.expect_err(field).to_string();
        assert!(error.contains(&format!("conditions[0].{field}")), "{error}");
    }
    write(json!({ "phase": "Fine" }))
        .await
        .expect_err("an unknown phase");
}

/// A server and a session with statuses, both called `columns`.
async fn columns() {
    for (kind, name, spec, status) in [
        (
            Kind::SparkConnectServer,
            "columns",
            json!({ "version": "4.1.4", "replicas": 2 }),
            server_status(),
        ),
        (
            Kind::SparkSession,
            "columns",
            json!({ "server": "pool" }),
            session_status(),
        ),
    ] {
        let resource = kind.resource();
        let api = api(&resource).await;
        let manifest = json!({ "metadata": { "name": name }, "spec": spec });
        create(&api, &resource, &manifest, false).await.unwrap();
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn kubectl_get_shows_the_columns() {
    columns().await;
    let tables = [
        table(&["get", "scs", "columns", "--output=wide"]),
        table(&["get", "sps", "columns"]),
        table(&["get", "sps", "columns", "--output=wide"]),
    ];
    insta::assert_snapshot!(tables.join("\n\n"), @r#"
    NAME: columns
    PHASE: Updating
    READY: 2
    REPLICAS: 2
    SESSIONS: 5
    VERSION: 4.1.4
    AGE: (an age)
    MESSAGE: 2 replicas serve
    ENDPOINT: sc://columns.default.svc:15002

    NAME: columns
    PHASE: Ready
    SERVER: pool
    QUERIES: 12
    ACTIVE: 1
    FAILED: 2
    READ: 1048576
    WRITTEN: 4096
    LAST-ACTIVITY: (an age)
    AGE: (an age)
    MESSAGE: it lives on pool-0

    NAME: columns
    PHASE: Ready
    SERVER: pool
    QUERIES: 12
    ACTIVE: 1
    FAILED: 2
    READ: 1048576
    WRITTEN: 4096
    LAST-ACTIVITY: (an age)
    AGE: (an age)
    MESSAGE: it lives on pool-0
    REPLICA: pool-0
    USER: ada
    URL: sc://pool.default.svc:15002/;session_id=6f1f0d4e
    "#);
}

fn server_status() -> Value {
    json!({
        "phase": "Updating", "message": "2 replicas serve",
        "replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "sparkVersion": "4.1.4",
        "endpoint": "sc://columns.default.svc:15002", "sessions": { "active": 5, "total": 9 },
    })
}

fn session_status() -> Value {
    json!({
        "phase": "Ready", "message": "it lives on pool-0", "server": "pool-0", "user": "ada",
        "url": "sc://pool.default.svc:15002/;session_id=6f1f0d4e",
        "lastActivityTime": "2026-01-01T00:00:00Z",
        "metrics": {
            "queriesExecuted": 12, "activeQueries": 1, "failedQueries": 2,
            "dataReadBytes": 1048576, "dataWrittenBytes": 4096,
        },
    })
}

/// What kubectl prints as a table, one `COLUMN: value` a line, without values that are times from now.
fn table(args: &[&str]) -> String {
    let text = kubectl(args).unwrap();
    let (head, row) = text.split_once('\n').expect("a head and a row");
    let starts: Vec<usize> = head
        .match_indices(|letter: char| letter != ' ')
        .map(|(place, _)| place)
        .filter(|place| {
            *place == 0 || head[..*place].ends_with("   ") || head[..*place].ends_with("  ")
        })
        .collect();
    let ends = starts[1..].iter().copied().chain([usize::MAX]);
    let cells = starts.iter().zip(ends).map(|(start, end)| {
        let cut = |line: &str| line[*start..end.min(line.len())].trim().to_owned();
        match (cut(head), cut(row)) {
            (name, value) if ["AGE", "LAST-ACTIVITY"].contains(&name.as_str()) => {
                let is_age = value.starts_with(|first: char| first.is_ascii_digit());
                format!("{name}: {}", if is_age { "(an age)" } else { &value })
            }
            (name, value) => format!("{name}: {value}"),
        }
    });
    cells.collect::<Vec<_>>().join("\n")
}

#[test]
fn kubectl_explain_reads_like_a_manual() {
    let pages = ["scs.spec.mode", "scs.spec.executor.autoscale"]
        .map(|field| kubectl(&["explain", field]).expect("the field has a page"));
    let trimmed: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.lines())
        .map(str::trim_end)
        .collect();
    insta::assert_snapshot!(trimmed.join("\n").replace('\t', " "), @r#"
    GROUP:      sparkconnect.dev
    KIND:       SparkConnectServer
    VERSION:    v1alpha1

    FIELD: mode <string>
    ENUM:
        Cluster
        Local

    DESCRIPTION:
        Where executors run.

        - Cluster: Executors are pods of their own.
        - Local: Everything runs in the driver: `local[*]`.
    GROUP:      sparkconnect.dev
    KIND:       SparkConnectServer
    VERSION:    v1alpha1

    FIELD: autoscale <Object>


    DESCRIPTION:
        Lets each replica ask for executors as its work needs them.

    FIELDS:
      initial <integer>
        Executors to start with. Absent: `min`.

      max <integer> -required-
        Most executors.

      min <integer>
        Fewest executors.
    "#);
}

#[test]
fn both_kinds_are_in_the_category_spark() {
    let args = ["api-resources", "--categories=spark", "--output=name"];
    let names = kubectl(&args).unwrap();
    for kind in Kind::ALL {
        assert!(names.contains(&kind.resource().plural), "{names}");
    }
}
