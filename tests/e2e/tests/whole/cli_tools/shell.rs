//! `session shell`: a session of its own, through the gateway, and the tutorial with the Python package.

use std::path::Path;
use std::process::Output;

use serde_json::json;
use sparkconnect_e2e::{Namespace, Signal, server_local};
use sparkconnect_testkit::python_package;

use super::{Program, shown};

#[test]
fn a_shells_own_session_ends_with_its_program() {
    let namespace = Namespace::new("shell");
    namespace.apply(&server_local("demo", &json!({})));
    let program = Program::new(&namespace);
    let own = |output: &Output| {
        let sessions = namespace.list("sparksessions", "");
        let live = sessions
            .iter()
            .find(|session| session["metadata"]["deletionTimestamp"].is_null());
        assert!(live.is_none(), "{live:?}\n{}", shown(output));
    };
    let piped = "spark.range(3).show()\nimport sys\nsys.exit(3)\n";
    let output = program.run(&["session", "shell"], piped);
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    assert!(shown(&output).contains("|  2|"), "{}", shown(&output));
    own(&output);

    // Told to end, it ends its program and its session.
    let code = "import time\nprint(spark.range(7).count(), flush=True)\ntime.sleep(3600)";
    let (running, line) =
        program.start(&["session", "shell", "--server", "demo", "--", "-c", code]);
    assert_eq!(line, "7");
    running.signal(Signal::TERM);
    assert_eq!(running.exit_code(), Some(128 + 15));
    own(&output);
}

#[test]
fn the_tutorial_makes_a_session_by_the_package_where_python_has_it() {
    let namespace = Namespace::new("tutorial");
    namespace.apply(&server_local("demo", &json!({})));
    let program = Program::new(&namespace);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e-tutorial");
    let python = python_package::installed(&folder).unwrap_or_else(|error| panic!("{error}"));
    let python = python.display().to_string();
    let shell = ["session", "shell", "--tutorial", "--python", &python];
    let output = program.run(&shell, "for _ in range(7):\n    step()\n");
    let text = shown(&output);
    assert!(output.status.success(), "{text}\n{}", namespace.explain());
    for expected in [
        "Step 6 of 6",
        "|  1|Hello|",
        "|Electronics|    1200.0|",
        "That was the tutorial",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
