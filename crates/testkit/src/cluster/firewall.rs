//! Ways for pods through a firewall that is closed by default, as Docker's and ufw's are. Runs `iptables`, if there is one: a
//! machine without it has no such firewall, and the cluster itself needs none.

use std::process::Command;

use super::layout::POD_RANGE;
use crate::command;
use crate::error::Result;
use crate::toolchain;

/// Chain and the side that pods are on: what they send to the machine, and what they send each other.
const WAYS: [(&str, &str); 3] = [
    ("INPUT", "--source"),
    ("FORWARD", "--source"),
    ("FORWARD", "--destination"),
];

/// Lets pods through those chains that drop what no rule names.
pub(super) fn open() -> Result<()> {
    for (chain, side) in ways() {
        let rules = command::output(iptables().args(["--list-rules", chain]))?;
        if drops_by_default(&rules, chain) {
            command::output(&mut rule("--insert", chain, side))?;
        }
    }
    Ok(())
}

/// Removes those rules.
pub(super) fn close() -> Result<()> {
    for (chain, side) in ways() {
        while command::succeeds(&mut rule("--check", chain, side)) {
            command::output(&mut rule("--delete", chain, side))?;
        }
    }
    Ok(())
}

fn ways() -> impl Iterator<Item = (&'static str, &'static str)> {
    let ways = toolchain::find("iptables").map(|_| WAYS);
    ways.into_iter().flatten()
}

fn drops_by_default(rules: &str, chain: &str) -> bool {
    rules.lines().any(|line| line == format!("-P {chain} DROP"))
}

fn rule(action: &str, chain: &str, side: &str) -> Command {
    let mut rule = iptables();
    rule.args([action, chain, side, POD_RANGE, "--jump", "ACCEPT"]);
    rule
}

/// Waits for its lock: Docker changes rules at any time.
fn iptables() -> Command {
    let mut iptables = Command::new("iptables");
    iptables.arg("--wait");
    iptables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read_from_the_list_of_rules() {
        let docker = "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER";
        assert!(drops_by_default(docker, "FORWARD"));
        assert!(!drops_by_default(docker, "INPUT"));
        assert!(!drops_by_default(
            "-P FORWARD ACCEPT\n-A FORWARD -j DROP",
            "FORWARD"
        ));
    }
}
