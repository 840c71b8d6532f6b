//! The chart's values: what `values.yaml` says of each in the comment above it, as `values.schema.json` and as the chart's README.
//! Reads the chart.
//!
//! The last line of a comment may be `@schema {…}`: what the schema says beyond the type, which is the default's. A map with neither
//! `$ref` nor `additionalProperties` there is a group: each of its values is described in turn, and it has no others.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value as Json, json};
use serde_yaml::Value as Yaml;
use sparkconnect_testkit::error::{Context, Error, Result};
use sparkconnect_testkit::install::repository;

/// Forms that several values have.
const DEFINITIONS: &str = include_str!("values-definitions.json");
/// What the README says before its tables.
const README: &str = include_str!("chart-readme.md");
/// Marks what the schema says of a value.
const RULE: &str = "@schema ";

/// What is said of one value.
#[derive(Clone, Debug, Default)]
struct Comment {
    description: String,
    rule: Map<String, Json>,
}

type Comments = BTreeMap<String, Comment>;

/// `values.schema.json`.
pub(crate) fn schema() -> Result<String> {
    let text = values()?;
    let mut schema = schema_of_file(&text)?;
    schema["$comment"] = json!(super::WORDS);
    let text = serde_json::to_string_pretty(&schema);
    let text = text.context(|| "writing the schema".to_owned())?;
    Ok(text + "\n")
}

/// The chart's README: its head, then a table a group.
pub(crate) fn readme() -> Result<String> {
    let text = values()?;
    let tree = tree(&text)?;
    let comments = comments(&text)?;
    let mut rows = Vec::new();
    let mut tables = Vec::new();
    for (key, value) in entries(&tree) {
        let comment = find(&comments, &key)?;
        if is_group(value, comment) {
            let mut rows = Vec::new();
            table(&key, value, &comments, &mut rows)?;
            let description = &comment.description;
            tables.push(format!(
                "\n### {key}\n\n{description}\n\n{HEAD}{}",
                rows.concat()
            ));
        } else {
            rows.push(row(&key, value, comment));
        }
    }
    Ok(format!(
        "{README}\n{HEAD}{}{}",
        rows.concat(),
        tables.concat()
    ))
}

const HEAD: &str = "| Value | Default | Meaning |\n|---|---|---|\n";

fn values() -> Result<String> {
    let path = repository().join("charts/sparkconnect/values.yaml");
    fs::read_to_string(&path).context(|| format!("reading {}", path.display()))
}

fn tree(text: &str) -> Result<Yaml> {
    serde_yaml::from_str(text).context(|| "reading values.yaml".to_owned())
}

fn schema_of_file(text: &str) -> Result<Json> {
    let comments = comments(text)?;
    let mut schema = group("", &tree(text)?, &comments)?;
    let definitions: Json = serde_json::from_str(DEFINITIONS)
        .context(|| "reading the schema's definitions".to_owned())?;
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["definitions"] = definitions;
    // What Helm itself hands a chart that another one depends on.
    schema["properties"]["global"] =
        json!({ "type": "object", "description": "Values that charts share." });
    schema["properties"]["enabled"] =
        json!({ "type": "boolean", "description": "For the condition of a dependency." });
    Ok(schema)
}

/// The schema of a map whose values are all described.
fn group(path: &str, value: &Yaml, comments: &Comments) -> Result<Json> {
    let mut properties = Map::new();
    for (key, value) in entries(value) {
        let below = join(path, &key);
        let comment = find(comments, &below)?;
        let mut schema = if is_group(value, comment) {
            group(&below, value, comments)?
        } else {
            leaf(&below, value, comment)?
        };
        schema["description"] = json!(comment.description);
        properties.insert(key, schema);
    }
    Ok(json!({ "type": "object", "additionalProperties": false, "properties": properties }))
}

/// The schema of a value that is a whole: its type is the default's unless its rule has one.
fn leaf(path: &str, value: &Yaml, comment: &Comment) -> Result<Json> {
    let mut schema = comment.rule.clone();
    let default = serde_json::to_value(value).context(|| format!("reading {path}"))?;
    let has_type = ["type", "$ref", "enum"]
        .iter()
        .any(|key| schema.contains_key(*key));
    if !has_type {
        let kind = kind(&default).ok_or_else(|| {
            Error::new(format!("{path} has no default that has a type"))
                .hint("say `@schema {type: [integer, \"null\"]}` or so in the comment above it")
        })?;
        schema.insert("type".to_owned(), json!(kind));
    }
    schema.insert("default".to_owned(), default);
    Ok(Json::Object(schema))
}

fn kind(default: &Json) -> Option<&'static str> {
    Some(match default {
        Json::Null => return None,
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    })
}

fn is_group(value: &Yaml, comment: &Comment) -> bool {
    let whole = ["$ref", "additionalProperties"];
    value.is_mapping() && !whole.iter().any(|key| comment.rule.contains_key(*key))
}

/// A row for every value below a group.
fn table(path: &str, value: &Yaml, comments: &Comments, rows: &mut Vec<String>) -> Result<()> {
    for (key, value) in entries(value) {
        let below = join(path, &key);
        let comment = find(comments, &below)?;
        if is_group(value, comment) {
            let description = cell(&comment.description);
            rows.push(format!("| `{below}` | | {description} |\n"));
            table(&below, value, comments, rows)?;
        } else {
            rows.push(row(&below, value, comment));
        }
    }
    Ok(())
}

fn row(path: &str, value: &Yaml, comment: &Comment) -> String {
    let default = serde_json::to_string(value).unwrap_or_default();
    let mut meaning = cell(&comment.description);
    if let Some(choices) = comment.rule.get("enum").and_then(Json::as_array) {
        let choices: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
        meaning.push_str(&format!(" One of {}.", choices.join(", ")));
    }
    format!("| `{path}` | `{}` | {meaning} |\n", cell(&default))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn entries(value: &Yaml) -> impl Iterator<Item = (String, &Yaml)> {
    let fields = value.as_mapping().into_iter().flatten();
    fields.map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), value))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}.{key}")
}

fn find<'a>(comments: &'a Comments, path: &str) -> Result<&'a Comment> {
    let found = comments.get(path).filter(|it| !it.description.is_empty());
    found.ok_or_else(|| {
        Error::new(format!("{path} in values.yaml has no comment above it"))
            .hint("say there what it means")
    })
}

/// The comment right above each key, by the key's path.
fn comments(text: &str) -> Result<Comments> {
    let (mut found, mut above, mut within) = (Comments::new(), Comment::default(), Vec::new());
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if let Some(said) = content.strip_prefix("# ") {
            take(&mut above, said).context(|| format!("reading `{content}`"))?;
            continue;
        }
        let key = content.split_once(':').map(|(key, _)| key);
        if let Some(key) = key.filter(|key| key.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            within.retain(|(outer, _)| *outer < indent);
            within.push((indent, key));
            let path: Vec<_> = within.iter().map(|(_, key)| *key).collect();
            found.insert(path.join("."), std::mem::take(&mut above));
        }
        above = Comment::default();
    }
    Ok(found)
}

fn take(comment: &mut Comment, line: &str) -> serde_yaml::Result<()> {
    if let Some(rule) = line.strip_prefix(RULE) {
        comment.rule = serde_yaml::from_str(rule)?;
        return Ok(());
    }
    if !comment.description.is_empty() {
        comment.description.push(' ');
    }
    comment.description.push_str(line);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# How many.
# @schema {minimum: 0}
count: 2

# A group.
group:
  # First line,
  # second line.
  text: \"\"
  # Anything below.
  # @schema {additionalProperties: {type: string}}
  free: {a: b}
";

    #[test]
    fn a_value_has_its_comment_its_type_and_its_rule() {
        let schema = schema_of_file(TEXT).unwrap();
        let properties = &schema["properties"];
        assert_eq!(
            properties["count"],
            json!({ "type": "integer", "minimum": 0, "default": 2, "description": "How many." })
        );
        let group = &properties["group"];
        assert_eq!(group["additionalProperties"], false);
        assert_eq!(
            group["properties"]["text"]["description"],
            "First line, second line."
        );
        let free = &group["properties"]["free"];
        assert_eq!(free["additionalProperties"], json!({ "type": "string" }));
        assert!(free["properties"].is_null(), "{free}");
    }

    #[test]
    fn a_value_without_a_comment_or_a_type_is_told() {
        for (text, told) in [
            ("count: 2\n", "count in values.yaml has no comment"),
            (
                "# A group.\ngroup:\n  text: a\n",
                "group.text in values.yaml",
            ),
            ("# Unset.\nunset: null\n", "unset has no default"),
            ("# Wrong.\n# @schema {\nwrong: 1\n", "@schema {"),
        ] {
            let error = schema_of_file(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_row_has_path_default_meaning_and_choices() {
        let comment = Comment {
            description: "This | that.".to_owned(),
            rule: json!({ "enum": ["a", "b"] }).as_object().unwrap().clone(),
        };
        assert_eq!(
            row("a.b", &Yaml::from("a"), &comment),
            "| `a.b` | `\"a\"` | This \\| that. One of `\"a\"`, `\"b\"`. |\n"
        );
    }
}
