//! The reference page of the API, made from the definitions' own words. No I/O.

use serde_json::Value;

use super::crds;

/// More rules than this on one field are listed below the table instead of in it.
const RULES_IN_A_CELL: usize = 3;

/// One line of a table of fields.
struct Row {
    path: String,
    kind: String,
    default: String,
    meaning: String,
}

/// The rules of a field that has too many for its cell.
struct LongRules {
    path: String,
    rules: Vec<String>,
}

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# API reference\n\n\
         Every field of the two resources, as `kubectl explain scs.spec` and `kubectl explain sps.spec` show them.\n\
         What a rule forbids is refused by the API server with the quoted words.\n",
    );
    for definition in crds::definitions() {
        page.push_str(&resource(&definition));
    }
    page
}

fn resource(definition: &Value) -> String {
    let names = &definition["spec"]["names"];
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut text = format!(
        "\n## {}\n\n{}\n\n`apiVersion: {}/{}`, short name `{}`, category `{}`, in a namespace.\n",
        word(&names["kind"]),
        word(&schema["description"]),
        word(&definition["spec"]["group"]),
        word(&version["name"]),
        word(&names["shortNames"][0]),
        word(&names["categories"][0]),
    );
    text.push_str(&rules(schema));
    text.push_str(&columns(&version["additionalPrinterColumns"]));
    for part in ["spec", "status"] {
        text.push_str(&section(part, &schema["properties"][part]));
    }
    text
}

/// The rules of a whole object, as a list.
fn rules(schema: &Value) -> String {
    let messages = messages(schema);
    let lines: Vec<String> = messages
        .iter()
        .map(|rule| format!("- Rule: {rule}.\n"))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}", lines.concat())
}

fn columns(columns: &Value) -> String {
    let mut text = String::from(
        "\n### Columns of `kubectl get`\n\n| Column | Field | Shown |\n|---|---|---|\n",
    );
    for column in columns.as_array().into_iter().flatten() {
        let shown = if column["priority"].as_i64().unwrap_or(0) > 0 {
            "with `-o wide`"
        } else {
            "always"
        };
        let (name, path) = (word(&column["name"]), word(&column["jsonPath"]));
        text.push_str(&format!("| {name} | `{path}` | {shown} |\n"));
    }
    text
}

fn section(name: &str, schema: &Value) -> String {
    let (mut rows, mut long) = (Vec::new(), Vec::new());
    fields(name, schema, &mut rows, &mut long);
    let mut text = format!("\n### {name}\n\n{}\n", word(&schema["description"]));
    text.push_str(&rules(schema));
    text.push_str("\n| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
    for row in rows {
        let (path, kind, default, meaning) = (row.path, row.kind, row.default, cell(&row.meaning));
        text.push_str(&format!("| `{path}` | {kind} | {default} | {meaning} |\n"));
    }
    for LongRules { path, rules } in long {
        text.push_str(&format!(
            "\nRules of `{path}`:\n\n- {}.\n",
            rules.join(".\n- ")
        ));
    }
    text
}

/// A row for each field below `schema`, required ones first, then by name; a list's or map's own fields follow it.
fn fields(path: &str, schema: &Value, rows: &mut Vec<Row>, long: &mut Vec<LongRules>) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let is_required = |name: &str| {
        let required = schema["required"].as_array();
        required.is_some_and(|names| names.iter().any(|other| other == name))
    };
    let mut names: Vec<&String> = properties.keys().collect();
    names.sort_by_key(|name| (!is_required(name), name.as_str()));
    for name in names {
        let (field, below) = (&properties[name], format!("{path}.{name}"));
        rows.push(row(&below, field, is_required(name), long));
        fields(&below, field, rows, long);
        fields(&format!("{below}[]"), &field["items"], rows, long);
    }
}

fn row(path: &str, field: &Value, required: bool, long: &mut Vec<LongRules>) -> Row {
    let mut meaning = vec![word(&field["description"]).to_owned()];
    let bounds = bounds(field);
    if !bounds.is_empty() {
        meaning.push(format!("Bounds: {}.", bounds.join(", ")));
    }
    let rules = messages(field);
    if rules.len() > RULES_IN_A_CELL {
        meaning.push(format!("{} rules, listed below.", rules.len()));
        let path = path.to_owned();
        long.push(LongRules { path, rules });
    } else {
        meaning.extend(rules.iter().map(|rule| format!("Rule: {rule}.")));
    }
    Row {
        path: path.to_owned(),
        kind: kind(field),
        default: if required {
            "**required**".to_owned()
        } else {
            default(field)
        },
        meaning: meaning.join("\n"),
    }
}

/// The messages of a field's rules, and of those on the entries of a list or map of plain values.
fn messages(field: &Value) -> Vec<String> {
    [field, &field["items"], &field["additionalProperties"]]
        .into_iter()
        .flat_map(|schema| schema["x-kubernetes-validations"].as_array())
        .flatten()
        .map(|rule| format!("“{}”", word(&rule["message"])))
        .collect()
}

fn kind(field: &Value) -> String {
    if field["x-kubernetes-int-or-string"] == true {
        return "quantity".to_owned();
    }
    if let Some(values) = field["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .map(|value| format!("`{}`", word(value)))
            .collect();
        return values.join(", ");
    }
    match (word(&field["type"]), word(&field["format"])) {
        (_, "date-time") => "time".to_owned(),
        ("array", _) => format!("list of {}", kind(&field["items"])),
        ("object", _) if field["additionalProperties"].is_object() => {
            format!("map of {}", kind(&field["additionalProperties"]))
        }
        (other, _) => other.to_owned(),
    }
}

/// A plain default; an object's is left to its fields.
fn default(field: &Value) -> String {
    match &field["default"] {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn bounds(field: &Value) -> Vec<String> {
    let number = |key: &str| field[key].as_i64();
    let mut bounds = Vec::new();
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => bounds.push(format!("{least} to {most}")),
        (Some(least), None) => bounds.push(format!("at least {least}")),
        (None, Some(most)) => bounds.push(format!("at most {most}")),
        (None, None) => {}
    }
    for (key, unit) in [
        ("maxLength", "characters"),
        ("maxItems", "items"),
        ("maxProperties", "entries"),
    ] {
        bounds.extend(number(key).map(|most| format!("at most {most} {unit}")));
    }
    let keys = field["x-kubernetes-list-map-keys"].as_array();
    bounds.extend(
        keys.into_iter()
            .flatten()
            .map(|key| format!("one item a `{}`", word(key))),
    );
    bounds.extend(
        field["pattern"]
            .as_str()
            .map(|pattern| format!("of the form `{pattern}`")),
    );
    bounds
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text as it may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace("\n\n", "\n")
        .replace("\n- ", "\n• ")
        .replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_type_default_bounds_and_rules() {
        let field = json!({
            "type": "string", "default": "1g", "maxLength": 10, "description": "Java heap.",
            "x-kubernetes-validations": [{ "rule": "true", "message": "be good" }],
        });
        let row = row("spec.memory", &field, false, &mut Vec::new());
        assert_eq!(
            (row.kind.as_str(), row.default.as_str()),
            ("string", "`1g`")
        );
        assert_eq!(
            cell(&row.meaning),
            "Java heap.<br>Bounds: at most 10 characters.<br>Rule: “be good”."
        );
    }

    #[test]
    fn kinds_are_named_as_people_name_them() {
        for (schema, name) in [
            (
                json!({ "type": "array", "items": { "type": "string" } }),
                "list of string",
            ),
            (
                json!({ "type": "object", "additionalProperties": { "x-kubernetes-int-or-string": true } }),
                "map of quantity",
            ),
            (json!({ "type": "string", "format": "date-time" }), "time"),
            (json!({ "type": "string", "enum": ["A", "B"] }), "`A`, `B`"),
        ] {
            assert_eq!(kind(&schema), name);
        }
    }

    #[test]
    fn every_field_of_both_resources_is_described() {
        for definition in crds::definitions() {
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            let mut rows = Vec::new();
            fields("", schema, &mut rows, &mut Vec::new());
            let bare: Vec<&str> = rows
                .iter()
                .filter(|row| row.meaning.is_empty() || row.meaning.starts_with("\n"))
                .map(|row| row.path.as_str())
                .collect();
            assert!(bare.is_empty(), "fields without a description: {bare:?}");
        }
    }
}
