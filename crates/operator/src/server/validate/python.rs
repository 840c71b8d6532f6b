//! Puts Python files and zips on the path of a server's Python workers. No I/O.
//!
//! Spark (4.0 to 4.3, seen by experiment) copies `spark.submit.pyFiles` with `spark.files` into the working folder of every
//! executor, but tells the workers of a Connect session only of the session's own artifacts: nothing finds the files unless
//! PYTHONPATH names the folder. The driver keeps its copies in a folder with a random name, so there only files that are in
//! the image can be named.

use sparkconnect_api::Reason;
use sparkconnect_api::server::Mode;

use super::Problem;
use super::layout::LOCAL_DIR;

/// Separates the folders of PYTHONPATH.
const SEPARATOR: &str = ":";

/// PYTHONPATH of driver and executors; `None` where the operator has nothing to add.
#[derive(Default)]
pub(super) struct PythonPaths {
    pub(super) driver: Option<String>,
    pub(super) executor: Option<String>,
}

/// The paths of `files`, and before them nothing: what the user gives comes after.
pub(super) fn paths(files: &[String], mode: Mode, problems: &mut Vec<Problem>) -> PythonPaths {
    let in_image = files.iter().filter_map(|file| entry(path_in_image(file)?));
    let copied = files
        .iter()
        .filter_map(|file| entry(&format!("{LOCAL_DIR}/{}", base_name(file))));
    if mode == Mode::Local {
        let remote = files.iter().filter(|file| path_in_image(file).is_none());
        problems.extend(remote.map(|file| unreachable(file)));
    }
    PythonPaths {
        driver: join(in_image),
        executor: join(copied),
    }
}

/// Folders after one another.
pub(super) fn append(path: String, given: Option<&str>) -> String {
    match given.filter(|given| !given.is_empty()) {
        Some(given) => format!("{path}{SEPARATOR}{given}"),
        None => path,
    }
}

fn unreachable(file: &str) -> Problem {
    let message = format!(
        "the Python file {file} reaches no session in mode Local: put it into the image and write local:///PATH, or upload \
         it as an artifact of each session"
    );
    Problem::spec(Reason::InvalidDependencies, message)
}

/// A module's folder, or an archive itself.
fn entry(path: &str) -> Option<String> {
    let folder = path
        .ends_with(".py")
        .then(|| path.rsplit_once('/').map_or("", |(folder, _)| folder));
    Some(folder.unwrap_or(path).to_owned()).filter(|entry| !entry.is_empty())
}

/// The path of a file that is there before Spark starts.
fn path_in_image(file: &str) -> Option<&str> {
    let rest = file
        .strip_prefix("local:")
        .or_else(|| file.strip_prefix("file:"))
        .unwrap_or(file);
    let path = rest
        .strip_prefix("//")
        .filter(|path| path.starts_with('/'))
        .unwrap_or(rest);
    path.starts_with('/').then_some(path)
}

fn base_name(file: &str) -> &str {
    let path = file.split(['?', '#']).next().unwrap_or(file);
    path.rsplit('/').next().unwrap_or(path)
}

fn join(entries: impl Iterator<Item = String>) -> Option<String> {
    let mut unique: Vec<String> = Vec::new();
    for entry in entries {
        if !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    (!unique.is_empty()).then(|| unique.join(SEPARATOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_by_folder_and_archives_by_name() {
        let files = [
            "s3a://b/x.py",
            "local:///opt/y.py",
            "https://h/z.zip?v=1",
            "/opt/lib/w.egg",
            "s3a://b/v.py",
        ];
        let found = paths(&files.map(str::to_owned), Mode::Cluster, &mut Vec::new());
        let executor = "/var/spark-local:/var/spark-local/z.zip:/var/spark-local/w.egg";
        assert_eq!(found.executor.as_deref(), Some(executor));
        assert_eq!(found.driver.as_deref(), Some("/opt:/opt/lib/w.egg"));
        assert_eq!(paths(&[], Mode::Cluster, &mut Vec::new()).executor, None);
    }

    #[test]
    fn what_the_user_gives_comes_after() {
        assert_eq!(append("/a".to_owned(), Some("/b")), "/a:/b");
        assert_eq!(append("/a".to_owned(), None), "/a");
    }
}
