//! The operator as the program that is shipped.

use std::process::Stdio;

use tokio::process::Command;

use crate::world::{World, kubeconfig};

/// The program, for the namespaces of `served`, as if it ran in that of `home`; ends with its handle.
pub(crate) fn program(home: &World, served: &[&World]) -> Command {
    let namespaces: Vec<_> = served.iter().map(|it| it.namespace.as_str()).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkconnect-operator"));
    command
        .env("KUBECONFIG", kubeconfig())
        .env("POD_NAMESPACE", &home.namespace)
        .env("POD_NAME", "operator-0")
        .arg(format!("--watch-namespace={}", namespaces.join(",")))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
