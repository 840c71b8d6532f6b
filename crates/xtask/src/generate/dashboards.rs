//! Grafana's dashboards, each from a table of its panels: places, identifiers and what is the same everywhere are given here. Pure.

use serde::Deserialize;
use serde_json::{Value, json};

/// Version of Grafana's JSON model: that of Grafana 12. A newer one reads it too.
const SCHEMA: u32 = 41;
/// Columns of Grafana's grid.
const GRID: u32 = 24;
/// What finds the dashboards that are linked to each other.
const TAG: &str = "sparkconnect";
/// Labels that lead to another dashboard: its uid, and the variables that it is opened with.
const LINKS: [(&str, &str, &[&str]); 2] = [
    ("server", "sparkconnect-server", &["namespace", "server"]),
    ("user", "sparkconnect-user", &["user"]),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dashboard {
    uid: String,
    title: String,
    description: String,
    variables: Vec<Variable>,
    rows: Vec<Row>,
}

/// What is chosen above the panels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    query: String,
    /// Whether several may be chosen; all are at first.
    #[serde(default)]
    many: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    title: String,
    panels: Vec<Panel>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Values over time.
    #[default]
    Graph,
    /// One number.
    Stat,
    /// One number that is to be 0.
    Alarm,
    /// The values now, a column each.
    Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Panel {
    title: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    help: String,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    width: Option<u32>,
    /// Of a number.
    #[serde(default)]
    expr: Option<String>,
    /// Of a graph.
    #[serde(default)]
    queries: Vec<Query>,
    /// Of a table.
    #[serde(default)]
    columns: Vec<Column>,
    /// The column that a table is sorted by.
    #[serde(default)]
    sort: Option<String>,
    #[serde(default)]
    descending: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    legend: String,
    expr: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    /// Absent where only the labels are shown.
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    decimals: Option<u32>,
    expr: String,
}

/// Every server and session.
pub(crate) fn fleet() -> String {
    render(include_str!("dashboards/fleet.yaml"))
}

/// One server.
pub(crate) fn server() -> String {
    render(include_str!("dashboards/server.yaml"))
}

/// One user.
pub(crate) fn user() -> String {
    render(include_str!("dashboards/user.yaml"))
}

fn render(table: &str) -> String {
    let dashboard: Dashboard = serde_yaml::from_str(table).expect("the table is beside this file");
    let model = model(&dashboard);
    serde_json::to_string_pretty(&model).expect("it is made of plain values") + "\n"
}

fn model(dashboard: &Dashboard) -> Value {
    let datasource = json!({
        "name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus",
        "current": {}, "hide": 0, "regex": "", "refresh": 1,
    });
    let variables: Vec<_> = std::iter::once(datasource)
        .chain(dashboard.variables.iter().map(variable))
        .collect();
    json!({
        "$comment": super::WORDS,
        "annotations": {"list": []},
        "description": dashboard.description,
        "editable": true,
        "graphTooltip": 1,
        "id": null,
        "links": [{
            "title": "Spark Connect", "type": "dashboards", "tags": [TAG], "asDropdown": true,
            "includeVars": true, "keepTime": true,
        }],
        "panels": panels(&dashboard.rows),
        "refresh": "30s",
        "schemaVersion": SCHEMA,
        "tags": [TAG],
        "templating": {"list": variables},
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "title": dashboard.title,
        "uid": dashboard.uid,
        "version": 1,
    })
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn variable(variable: &Variable) -> Value {
    let all = if variable.many {
        json!({"selected": true, "text": ["All"], "value": ["$__all"]})
    } else {
        json!({})
    };
    json!({
        "name": variable.name, "type": "query", "label": variable.name, "datasource": datasource(),
        "definition": variable.query,
        "query": {"query": variable.query, "refId": "StandardVariableQuery"},
        "current": all, "includeAll": variable.many, "multi": variable.many, "hide": 0,
        "refresh": 2, "regex": "", "sort": 1, "options": [],
    })
}

/// Every row's title and panels, from left to right and from top to bottom, numbered in that order.
fn panels(rows: &[Row]) -> Vec<Value> {
    let (mut all, mut top) = (Vec::new(), 0);
    for row in rows {
        all.push(json!({
            "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": GRID, "h": 1},
        }));
        top += 1;
        let (mut left, mut tallest) = (0, 0);
        for panel in &row.panels {
            let (width, height) = size(panel);
            if left + width > GRID {
                (left, top) = (0, top + tallest);
                tallest = 0;
            }
            let mut shown = shown(panel);
            shown["gridPos"] = json!({"x": left, "y": top, "w": width, "h": height});
            all.push(shown);
            left += width;
            tallest = tallest.max(height);
        }
        top += tallest;
    }
    for (index, panel) in all.iter_mut().enumerate() {
        panel["id"] = json!(index + 1);
    }
    all
}

fn size(panel: &Panel) -> (u32, u32) {
    let (width, height) = match panel.kind {
        Kind::Stat | Kind::Alarm => (4, 4),
        Kind::Table => (12, 8),
        Kind::Graph => (8, 8),
    };
    (panel.width.unwrap_or(width), height)
}

fn shown(panel: &Panel) -> Value {
    let mut shown = match panel.kind {
        Kind::Stat | Kind::Alarm => stat(panel),
        Kind::Table => table(panel),
        Kind::Graph => graph(panel),
    };
    shown["title"] = json!(panel.title);
    shown["description"] = json!(panel.help);
    shown["datasource"] = datasource();
    shown
}

/// A query of a panel; `more` is merged into it.
fn target(index: usize, expr: &str, more: &Value) -> Value {
    let letter = char::from(b'A' + u8::try_from(index).expect("a panel has few queries"));
    let mut target = json!({"refId": letter.to_string(), "expr": expr, "datasource": datasource()});
    for (key, value) in more.as_object().into_iter().flatten() {
        target[key] = value.clone();
    }
    target
}

fn stat(panel: &Panel) -> Value {
    let mut steps = vec![json!({"color": "green", "value": null})];
    if panel.kind == Kind::Alarm {
        steps.push(json!({"color": "red", "value": 1}));
    }
    let expr = panel.expr.as_deref().expect("a number has one query");
    json!({
        "type": "stat",
        "targets": [target(0, expr, &json!({"instant": true, "range": false}))],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit.as_deref().unwrap_or("short"), "noValue": "-",
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": {
            "colorMode": if panel.kind == Kind::Alarm { "background" } else { "none" },
            "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"], "values": false},
        },
    })
}

fn graph(panel: &Panel) -> Value {
    let targets = panel.queries.iter().enumerate().map(|(index, query)| {
        target(
            index,
            &query.expr,
            &json!({"legendFormat": query.legend, "range": true}),
        )
    });
    json!({
        "type": "timeseries",
        "targets": targets.collect::<Vec<_>>(),
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit.as_deref().unwrap_or("short"), "min": 0,
                "custom": {"fillOpacity": 10, "showPoints": "never", "spanNulls": false},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    })
}

/// The answers to all queries side by side, one line for each set of labels.
fn table(panel: &Panel) -> Value {
    let columns = || panel.columns.iter().enumerate();
    let targets = columns().map(|(index, column)| {
        let now = json!({"format": "table", "instant": true, "range": false});
        target(index, &column.expr, &now)
    });
    let targets: Vec<_> = targets.collect();
    let mut hidden = json!({"Time": true});
    let mut names = json!({});
    let mut overrides: Vec<_> = LINKS.iter().map(link).collect();
    for (index, column) in columns() {
        // Grafana calls the only value of a table by another name than one of several.
        let value = match (panel.columns.len(), &targets[index]["refId"]) {
            (1, _) => "Value".to_owned(),
            (_, letter) => format!("Value #{}", letter.as_str().unwrap_or_default()),
        };
        match &column.title {
            Some(title) => {
                names[&value] = json!(title);
                overrides.push(format(title, column));
            }
            None => hidden[&value] = json!(true),
        }
    }
    let sort = panel.sort.iter();
    let sort = sort.map(|name| json!({"displayName": name, "desc": panel.descending}));
    json!({
        "type": "table",
        "targets": targets,
        "fieldConfig": {"defaults": {"custom": {"align": "auto", "filterable": true}}, "overrides": overrides},
        "options": {"showHeader": true, "cellHeight": "sm", "sortBy": sort.collect::<Vec<_>>()},
        "transformations": [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": hidden, "renameByName": names, "indexByName": {}}},
        ],
    })
}

fn format(title: &str, column: &Column) -> Value {
    let unit = column.unit.as_deref().unwrap_or("short");
    let mut properties = vec![json!({"id": "unit", "value": unit})];
    if let Some(decimals) = column.decimals {
        properties.push(json!({"id": "decimals", "value": decimals}));
    }
    json!({"matcher": {"id": "byName", "options": title}, "properties": properties})
}

fn link((label, uid, variables): &(&str, &str, &[&str])) -> Value {
    let given = variables
        .iter()
        .map(|name| format!("&var-{name}=${{__data.fields.{name}}}"));
    let url = format!(
        "/d/{uid}?${{__url_time_range}}{}",
        given.collect::<String>()
    );
    json!({
        "matcher": {"id": "byName", "options": label},
        "properties": [{"id": "links", "value": [{"title": format!("This {label}"), "url": url}]}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Value; 3] {
        [fleet(), server(), user()].map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn panels_fill_the_grid_and_have_numbers_of_their_own() {
        for dashboard in all() {
            let panels = dashboard["panels"].as_array().unwrap();
            let mut taken = std::collections::BTreeSet::new();
            for (index, panel) in panels.iter().enumerate() {
                assert_eq!(panel["id"], index + 1);
                let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
                assert!(place("x") + place("w") <= u64::from(GRID), "{panel}");
                for cell in (place("x")..place("x") + place("w"))
                    .flat_map(|x| (place("y")..place("y") + place("h")).map(move |y| (x, y)))
                {
                    assert!(taken.insert(cell), "{} is on another panel", panel["title"]);
                }
            }
        }
    }

    #[test]
    fn every_query_has_what_its_panel_needs() {
        for dashboard in all() {
            for panel in dashboard["panels"].as_array().unwrap() {
                let targets = panel["targets"].as_array();
                assert_eq!(panel["type"] == "row", targets.is_none(), "{panel}");
                assert!(targets.is_none_or(|them| !them.is_empty()), "{panel}");
            }
        }
    }

    #[test]
    fn a_table_links_to_the_dashboards_that_there_are() {
        let uids = all().map(|dashboard| dashboard["uid"].as_str().unwrap().to_owned());
        for (_, uid, _) in LINKS {
            assert!(uids.iter().any(|known| known == uid), "{uid}");
        }
    }
}
