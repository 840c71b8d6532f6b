//! How a log is given to Python. The module is compiled here again: the library is loaded by Python only.

use futures::{StreamExt, stream};
use sparkconnect_client::{Category, Error};

#[path = "../src/lines.rs"]
mod lines;

use lines::Lines;

fn log(lines: impl IntoIterator<Item = Result<&'static str, Error>>) -> Lines {
    let lines: Vec<_> = lines
        .into_iter()
        .map(|line| line.map(str::to_owned))
        .collect();
    Lines::of(stream::iter(lines).boxed())
}

fn broken() -> Error {
    Error::new(Category::Unavailable, "the log broke off")
}

#[tokio::test]
async fn lines_before_an_error_are_given_before_it() {
    let mut lines = log([Ok("one"), Ok("two"), Err(broken())]);
    let given = lines.next().await.expect("lines come first");
    assert_eq!(given, Some(vec!["one".to_owned(), "two".to_owned()]));
    let error = lines.next().await.expect_err("then the error");
    assert_eq!(error.category(), Category::Unavailable);
    assert_eq!(lines.next().await.expect("then the end"), None);
}

#[tokio::test]
async fn an_error_without_lines_is_told_at_once() {
    let mut lines = log([Err(broken())]);
    lines.next().await.expect_err("no lines come first");
    assert_eq!(lines.next().await.expect("then the end"), None);
}

#[tokio::test]
async fn many_lines_come_in_parts() {
    let mut lines = log((0..2500).map(|_| Ok("line")));
    let mut parts = Vec::new();
    while let Some(part) = lines.next().await.expect("no error") {
        parts.push(part.len());
    }
    assert_eq!(parts, [1000, 1000, 500]);
}
