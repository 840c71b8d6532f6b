//! The reference page of what the API server refuses, made from the definitions' rules and the policy. Reads the policy's file.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use sparkconnect_testkit::install::repository;

use super::crds;

/// The policy that is no rule of a definition.
const POLICY: &str = "deploy/cluster-wide/access/session-user.yaml";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# What the API server refuses\n\n\
         A resource that cannot be is refused as it is applied, in these words, and nothing is changed. What only the cluster can tell, such as a\n\
         Secret that is missing, becomes a [condition](conditions.md). Bounds and types are in [Resources](api.md).\n",
    );
    for definition in crds::definitions() {
        let kind = definition["spec"]["names"]["kind"].as_str();
        page.push_str(&format!(
            "\n## {}\n\n| Message | Fields |\n|---|---|\n",
            kind.unwrap_or_default()
        ));
        for (message, fields) in messages(&definition) {
            page.push_str(&format!("| {message} | `{}` |\n", fields.join("`, `")));
        }
    }
    page.push_str(&policy());
    page
}

/// Each message with the fields whose rule has it.
fn messages(definition: &Value) -> BTreeMap<String, Vec<String>> {
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut messages = BTreeMap::new();
    collect("", schema, &mut messages);
    messages
}

fn collect(path: &str, schema: &Value, messages: &mut BTreeMap<String, Vec<String>>) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let message = rule["message"].as_str().unwrap_or_default().to_owned();
        let field = path.strip_prefix('.').unwrap_or("the resource").to_owned();
        messages.entry(message).or_default().push(field);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        collect(&format!("{path}.{name}"), field, messages);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", ".*")] {
        if schema[key].is_object() {
            collect(&format!("{path}{mark}"), &schema[key], messages);
        }
    }
}

fn policy() -> String {
    let path = repository().join(POLICY);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    // The first of two documents, separated as YAML has it.
    let policy = text.split("\n---\n").next().unwrap_or_default();
    let policy: Value = serde_yaml::from_str(policy).expect("the policy is YAML");
    let mut text = String::from(
        "\n## Whose session\n\n\
         By the ValidatingAdmissionPolicy `sparkconnect-session-user`, when a SparkSession is made:\n\n",
    );
    for rule in policy["spec"]["validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let message = rule["messageExpression"].as_str().unwrap_or_default();
        text.push_str(&format!("- {}.\n", words(message)));
    }
    text
}

/// A message that an expression puts together, with what is put in named in capitals.
fn words(expression: &str) -> String {
    let part = |part: &str| match part.trim() {
        "request.userInfo.username" => "NAME".to_owned(),
        "request.namespace" => "NAMESPACE".to_owned(),
        text => text.trim_matches('\'').to_owned(),
    };
    expression.split(" + ").map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_rules_of_fields_entries_and_the_policy() {
        let page = page();
        for words in [
            "| must be a length of time such as 90s, 30m or 1h30m | `spec.",
            "`spec.dependencies.packages[]`",
            "- spec.user must be your own name, NAME, or be left out: for another name you need the verb impersonate on sparksessions in \
             namespace NAMESPACE.\n",
            "- spec.artifacts has a Secret, for which you need the verb get on secrets in namespace NAMESPACE.\n",
        ] {
            assert!(page.contains(words), "{words}\n{page}");
        }
        assert!(!page.contains("|  |"), "every rule has a message");
    }
}
