//! Libraries and files, as the settings that Spark knows them by. No I/O.

use std::collections::BTreeMap;

use sparkconnect_api::server::Dependencies;

/// Adds the spec's lists before what the user gives under the same settings.
pub(super) fn add(dependencies: Option<&Dependencies>, all: &mut BTreeMap<String, String>) {
    let Some(lists) = dependencies else {
        return;
    };
    for (key, list) in [
        ("spark.archives", &lists.archives),
        ("spark.files", &lists.files),
        ("spark.jars", &lists.jars),
        ("spark.jars.packages", &lists.packages),
        ("spark.jars.repositories", &lists.repositories),
        (super::PY_FILES, &lists.py_files),
    ] {
        if list.is_empty() {
            continue;
        }
        let given = all.get(key).filter(|given| !given.is_empty());
        let entries: Vec<_> = list.iter().chain(given).map(String::as_str).collect();
        let joined = entries.join(",");
        all.insert(key.to_owned(), joined);
    }
}

/// The entries of a list as Spark reads it.
pub(super) fn list(value: Option<&String>) -> Vec<String> {
    let entries = value.into_iter().flat_map(|value| value.split(','));
    entries
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}
