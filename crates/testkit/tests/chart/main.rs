//! The chart: what its values come to, what it refuses and how it says so, and that Kubernetes takes what it makes. Runs Helm, and a
//! real API server without a node.

mod effects;
mod forms;
mod kubernetes;
mod refusals;
mod rendered;
mod schema;
mod settings;

use sparkconnect_testkit::command;
use sparkconnect_testkit::helm::{Helm, chart};

use rendered::{HELM, RICH, text};

#[test]
fn helm_finds_nothing_to_complain_of() {
    let chart = chart().display().to_string();
    for values in [vec![], vec!["--values", RICH]] {
        let lint = [&["lint", "--strict", &chart], &values[..]].concat();
        HELM.run(&lint).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_chart_has_the_workspaces_version() {
    let text = HELM.run(&["show", "chart", &chart().display().to_string()]);
    let text = text.unwrap_or_else(|error| panic!("{error}"));
    let version = env!("CARGO_PKG_VERSION");
    for line in ["version", "appVersion"] {
        assert!(
            text.lines().any(|it| it == format!("{line}: {version}")),
            "{text}"
        );
    }
}

/// The least values are `deploy/`, which `cargo xtask gen` holds to the chart.
#[test]
fn many_values_at_once() {
    let definitions = "--set=crds.install=false";
    let text = text("spark-ops", &["--values", RICH, definitions]);
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("rich", text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    });
}

#[test]
fn nothing_is_made_up_anew_when_it_is_rendered_again() {
    let again = || text("spark-ops", &["--values", RICH]);
    assert_eq!(
        again(),
        again(),
        "what renders anew at each sync would change each time"
    );
}

#[test]
fn a_package_has_everything() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().display().to_string();
    let package = [
        "package",
        &chart().display().to_string(),
        "--destination",
        &place,
    ];
    HELM.run(&package).unwrap_or_else(|error| panic!("{error}"));
    let archive = folder
        .path()
        .join(format!("sparkconnect-{}.tgz", env!("CARGO_PKG_VERSION")));
    let helm = Helm::new().expect("it was there before");
    let packed = archive.display().to_string();
    let render = [
        "template",
        "sparkconnect",
        &packed,
        "--namespace",
        "spark-ops",
        "--values",
        RICH,
    ];
    let packed = command::output(&mut helm.command(&render));
    assert_eq!(
        packed.expect("it renders"),
        text("spark-ops", &["--values", RICH])
    );
}
