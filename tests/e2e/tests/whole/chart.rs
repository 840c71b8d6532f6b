//! The chart on the cluster: what it tells people to do next, its own test, and an installation for named namespaces with a certificate of
//! one's own.

use std::process::Command;

use serde_json::{Value, json};
use sparkconnect_e2e::{Environment, Namespace, http, server_local, session};
use sparkconnect_testkit::helm::{Helm, RELEASE};
use sparkconnect_testkit::install::{self, NAMESPACE};
use sparkconnect_testkit::{command, pki};

use crate::operator::Rest;

fn helm(environment: &Environment) -> Helm {
    Helm::on(&environment.kubectl).unwrap_or_else(|error| panic!("{error}"))
}

/// The commands of NOTES.txt, as they stand there; the first of them is `helm test`.
#[test]
fn the_next_commands_work_as_they_are_told() {
    // What the chart's test makes is in the installation's namespace, so that two such tests would meet.
    let namespace = Namespace::alone("notes");
    let environment = namespace.environment();
    let told = helm(environment).run(&["get", "notes", RELEASE, "--namespace", NAMESPACE]);
    let told = told.unwrap_or_else(|error| panic!("{error}"));
    let commands: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("   "))
        .collect();
    assert!(commands.len() > 10, "{told}");
    let made = Made(environment);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = command::output(&mut shell(environment, &commands.join("\n"), folder.path()));
    let said = said.unwrap_or_else(|error| panic!("{error}\n{}", namespace.explain()));
    assert!(said.contains("Phase:          Succeeded"), "{said}");
    assert!(said.contains("sc://"), "{said}");
    let authority = std::fs::read_to_string(folder.path().join("ca.crt"));
    assert!(
        authority
            .expect("it was written")
            .contains("BEGIN CERTIFICATE")
    );
    drop(made);
    let left = [
        "get",
        "sparkconnectservers,sparksessions,pods",
        "--namespace",
        NAMESPACE,
        "--selector=app.kubernetes.io/name=sparkconnect-test",
        "--output=name",
    ];
    let left = environment.kubectl.run(&left);
    let left = left.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(left, "", "the chart's test leaves nothing");
}

/// A shell with helm and kubectl of this cluster.
fn shell(environment: &Environment, script: &str, folder: &std::path::Path) -> Command {
    let helm = helm(environment).command(&[]);
    let home = std::path::Path::new(helm.get_program())
        .parent()
        .expect("it is in a folder");
    let path = environment
        .kubectl
        .path()
        .unwrap_or_else(|error| panic!("{error}"));
    let folders = std::iter::once(home.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", script])
        .current_dir(folder)
        .env("KUBECONFIG", environment.cluster.kubeconfig())
        .env("PATH", std::env::join_paths(folders).expect("a path"))
        .envs(
            helm.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    shell
}

/// What the commands make; gone on drop.
struct Made<'a>(&'a Environment);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        let delete = [
            "delete",
            "sparksession/mine",
            "sparkconnectserver/demo",
            "--namespace=default",
            "--ignore-not-found",
        ];
        if let Err(error) = self.0.kubectl.run(&delete) {
            eprintln!("{error}");
        }
    }
}

#[test]
fn named_namespaces_with_a_certificate_of_their_own() {
    const GIVEN: &str = "from-elsewhere";
    let namespace = Namespace::alone("chart");
    let [second, deleted] = ["chart-second", "chart-deleted"].map(|name| namespace.beside(name));
    let _rest = Rest::begin(&namespace);
    let authority = pki::Authority::new("elsewhere").expect("an authority");
    let names = [&format!("sparkconnect-gateway.{}.svc", namespace.name)[..]];
    let leaf = authority
        .server("gateway", &[], &names)
        .expect("a certificate");
    let data = json!({"tls.crt": leaf.certificate, "tls.key": leaf.key, "ca.crt": authority.certificate()});
    namespace.data("Secret", GIVEN, &data);

    let environment = namespace.environment();
    let helm = helm(environment);
    let images = environment.images.values();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let own = format!(
        "--set=watchNamespaces={{{},{},{}}},gateway.tls.existingSecret={GIVEN}",
        namespace.name, second.name, deleted.name
    );
    let shared = "--set=crds.install=false,access.admissionPolicy=false,access.clusterRoles=false";
    // One after the other they take their time to start without a namespace that is gone.
    let one = "--set=operator.replicas=1,gateway.replicas=1";
    let installed = helm.install(
        &namespace.name,
        &[&images[..], &[&own, shared, one]].concat(),
    );
    installed.unwrap_or_else(|error| panic!("{error}\n{}", namespace.explain()));

    is_served(&namespace);
    is_served(&second);
    assert_eq!(
        namespace.remote("own").authority.as_deref(),
        Some(authority.certificate())
    );
    assert!(
        namespace.get("secret/sparkconnect-gateway-tls").is_none(),
        "nobody asked the operator for one"
    );
    goes_on_without(&namespace, deleted);
    for namespace in [&namespace, &second] {
        namespace.kubectl(&["delete", "sparksessions", "--all"]);
        namespace.delete("sparkconnectserver/own");
        namespace.until_gone("statefulset/own");
    }

    helm.uninstall(&namespace.name)
        .unwrap_or_else(|error| panic!("{error}"));
    nothing_is_left(&namespace);
    nothing_is_left(&second);
    let binding = format!(
        "clusterrolebinding/sparkconnect-gateway-reviews:{}",
        namespace.name
    );
    assert!(namespace.get(&binding).is_none());
}

/// A session of a server there answers through the gateway.
fn is_served(namespace: &Namespace) {
    namespace.apply(&server_local("own", &json!({})));
    namespace.apply(&session("own", "own", &json!({})));
    assert_eq!(namespace.shell("own").run("spark.range(7).count()"), 7);
}

/// With one of its namespaces gone, and its rights there with it, an installation that starts anew serves the others.
fn goes_on_without(namespace: &Namespace, deleted: Namespace) {
    let gone = deleted.name.clone();
    drop(deleted);
    namespace.until_gone(&format!("namespace/{gone}"));
    namespace.kubectl(&["rollout", "restart", "deployment"]);
    let (kubectl, of) = (&namespace.environment().kubectl, &namespace.name);
    install::rolled_out(kubectl, of)
        .unwrap_or_else(|error| panic!("{error}\n{}", namespace.explain()));
    namespace.apply(&session("again", "own", &json!({})));
    assert_eq!(namespace.shell("again").run("spark.range(8).count()"), 8);
    let metrics = operators_metrics(namespace);
    for (served, value) in [(&*gone, 0), (&*namespace.name, 1)] {
        let line =
            format!("sparkconnect_operator_namespace_served{{namespace=\"{served}\"}} {value}");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

/// Metrics of the operator that an installation has in a namespace, where it has one and no more.
fn operators_metrics(namespace: &Namespace) -> String {
    let address = namespace.until("one operator", || {
        let pods = namespace.list("pods", "app.kubernetes.io/name=sparkconnect-operator");
        match &pods[..] {
            [pod] => Ok(pod["status"]["podIP"].as_str().expect("it runs").to_owned()),
            pods => Err(format!("{} operators", pods.len())),
        }
    });
    http::get(&address, 8080, "/metrics")
}

fn nothing_is_left(namespace: &Namespace) {
    let part_of = "app.kubernetes.io/part-of=sparkconnect";
    let kinds = "deployments,services,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,pods";
    // A gateway's pods go when they have drained.
    namespace.until("nothing of the installation to be left", || {
        let left = namespace.list(kinds, part_of);
        let names: Vec<&Value> = left.iter().map(|it| &it["metadata"]["name"]).collect();
        if names.is_empty() {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    });
}
