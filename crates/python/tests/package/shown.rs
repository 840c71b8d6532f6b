//! What the package shows in a notebook, in a real kernel.

use crate::fixture::{program, run, with_livy, with_server};

#[test]
fn a_notebook_shows_sessions_and_progress() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut notebook = program("notebook.py", "4.3.0");
    // Whatever Jupyter this user has is another one.
    notebook
        .env("HOME", folder.path())
        .env("IPYTHONDIR", folder.path())
        .env("JUPYTER_PREFER_ENV_PATH", "1")
        .env("JUPYTER_RUNTIME_DIR", folder.path());
    run(with_livy(with_server(&mut notebook, "4.3.0")));
}
