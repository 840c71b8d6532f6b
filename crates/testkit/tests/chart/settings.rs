//! The variables that the chart gives each program are settings that the program has, and the chart's defaults are the program's own.

use std::collections::BTreeMap;

use sparkconnect_testkit::install::repository;

use crate::rendered::{RICH, find, objects};

/// Each variable of a program with its default, by the page of its settings, which the program's own tests hold to its command line.
fn settings(program: &str) -> BTreeMap<String, String> {
    let path = repository().join(format!("docs/reference/{program}-settings.md"));
    let page = std::fs::read_to_string(&path);
    let page = page.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`'));
        let (variable, default) = (cells.nth(2)?, cells.next()?);
        Some((variable.to_owned(), default.to_owned()))
    });
    rows.collect()
}

/// What the chart gives the program with `args`, but what is from the pod itself.
fn given(program: &str, args: &[&str]) -> BTreeMap<String, String> {
    let objects = objects("ns", args);
    let deployment = find(&objects, &format!("Deployment/sparkconnect-{program}"));
    let env = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    let given = env.as_array().expect("variables").iter().filter_map(|it| {
        let (name, value) = (it["name"].as_str()?, it["value"].as_str()?);
        Some((name.to_owned(), value.to_owned()))
    });
    given.collect()
}

#[test]
fn every_variable_is_a_setting_and_has_its_default() {
    let mut wrong = Vec::new();
    for program in ["operator", "gateway"] {
        let settings = settings(program);
        assert!(
            settings.contains_key("SPARKCONNECT_LOG_FORMAT"),
            "{settings:?}"
        );
        for (variable, value) in given(program, &[]) {
            match settings.get(&variable) {
                None => wrong.push(format!("{program} has no {variable}")),
                Some(default) if !default.is_empty() && *default != value => {
                    wrong.push(format!("{program}: {variable} is {value}, not {default}"));
                }
                Some(_) => {}
            }
        }
        let own = |variable: &String| variable != "A"; // the rich values' own
        let rich = given(program, &["--values", RICH]);
        let unknown = rich.into_keys().filter(own);
        let unknown = unknown.filter(|variable| !settings.contains_key(variable));
        wrong.extend(unknown.map(|variable| format!("{program} has no {variable}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
