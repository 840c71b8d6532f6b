//! What the gateway knows of the protocol, against PySpark's own descriptors.

use serde_json::Value;
use sparkconnect_gateway::rpc::ALL;
use sparkconnect_testkit::command;
use sparkconnect_testkit::spark::{SparkHome, VERSIONS};

use crate::program;

#[test]
fn fields_are_where_every_version_has_them() {
    for version in VERSIONS {
        let mut python = SparkHome::ensure(version).expect("a PySpark").python();
        let told = command::output(python.arg(program("fields.py"))).expect("its descriptors");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(told["user"]["user_id"], 1);
        assert_eq!(told["user"]["user_name"], 2);
        let methods = told["methods"].as_object().expect("methods");
        let known = |name: &str| {
            ALL.into_iter()
                .find(|rpc| rpc.path().ends_with(&format!("/{name}")))
        };
        for (name, fields) in methods {
            let rpc =
                known(name).unwrap_or_else(|| panic!("{version} has {name}, the gateway not"));
            assert_eq!(
                (&fields["session_id"], &fields["user_context"]),
                (&1.into(), &2.into())
            );
            let observed = fields["client_observed_server_side_session_id"].as_u64();
            assert_eq!(
                rpc.observed_field().map(u64::from),
                observed,
                "{version} {name}"
            );
            if let Some(subject) = rpc.subject_field() {
                let is_clone = name == "CloneSession";
                let called = if is_clone {
                    "new_session_id"
                } else {
                    "operation_id"
                };
                assert_eq!(fields[called], subject, "{version} {name}");
            }
        }
        if version == VERSIONS[VERSIONS.len() - 1] {
            assert_eq!(methods.len(), ALL.len(), "{version}");
        }
    }
}
