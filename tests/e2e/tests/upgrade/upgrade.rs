//! An upgrade from the previous version, a rollback to it and a restart, under a running query.

use sparkconnect_e2e::Namespace;
use sparkconnect_testkit::helm::chart;

use crate::previous::Previous;
use crate::release::{Release, Restored};
use crate::work::Work;

#[test]
fn a_query_outlives_an_upgrade_a_rollback_and_a_restart() {
    let mut namespace = Namespace::alone("upgrade");
    let folder = namespace.volume("data");
    let _restored = Restored(&namespace);
    let environment = namespace.environment();
    let previous = Previous::build(&environment.images).unwrap_or_else(|error| panic!("{error}"));
    for archive in &previous.archives {
        let loaded = environment.cluster.load_image(archive);
        loaded.unwrap_or_else(|error| panic!("{error}"));
    }
    let release = Release::of(environment);
    // Whoever had the definitions before, as `kubectl apply` in another test, has no say in an upgrade of this release.
    let alone = ["--force-conflicts"];
    release.become_chart(&previous.chart, &previous.images, &alone);
    let before = release.seen();
    assert_eq!(before.operator, previous.images.operator);
    let mut work = Work::begin(&namespace, folder);
    work.ends_another();

    release.become_chart(&chart(), &environment.images, &[]);
    let after = release.seen();
    assert_eq!(after.operator, environment.images.operator);
    assert_ne!(
        after.definition, before.definition,
        "the definitions are as before: what does the test compare?"
    );
    assert!(
        after.authority == before.authority,
        "clients know another authority"
    );
    assert_eq!(after.key, before.key, "tokens are of another key");
    work.goes_on("the upgrade");
    work.other_is_told_to_have_ended();

    release.roll_back();
    assert!(
        release.seen() == before,
        "the rollback is not what was before"
    );
    work.goes_on("the rollback");

    release.become_chart(&chart(), &environment.images, &[]);
    release.restart();
    work.goes_on("the second upgrade and a restart of operator and gateway");
    work.end();
}
