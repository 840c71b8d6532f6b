//! The reference page of the client's errors: each category with its exception in Python and its exit code. Reads the Python package's
//! source and the page, or writes it.

use std::fmt::Write;

use sparkconnect_testkit::page;

use super::*;

const EXCEPTIONS: &str = include_str!("../../python/python/sparkconnect/errors.py");

/// The exception of a category, and the first sentence of what it says of itself.
fn exception(category: Category) -> (&'static str, &'static str) {
    let mark = format!("    category = \"{category}\"\n");
    let (before, _) = EXCEPTIONS
        .split_once(&mark)
        .unwrap_or_else(|| panic!("errors.py has no exception of category {category}"));
    let (_, class) = before.rsplit_once("class ").expect("it is in a class");
    let (name, rest) = class.split_once('(').expect("it has a base");
    let (_, doc) = rest.split_once("\"\"\"").expect("it says what it is");
    let end = doc.find('.').map_or(doc.len(), |end| end + 1);
    (name, &doc[..end])
}

#[test]
fn the_page_of_errors_has_every_category() {
    let mut text = String::from(
        "# Errors of the client\n\n\
         An error is of one category, for programs, and has a sentence and mostly a hint, for people. `kubectl sparkconnect` prints `error: …` and `hint: …` to standard\n\
         error and ends with the category's exit code. In Python the exception of the category is raised, a `SparkConnectError` whichever it is, with\n\
         `message`, `hint` and `category`. Ctrl-C ends the program with 130.\n\n\
         | Category | Exit code | In Python | Meaning |\n|---|---|---|---|\n",
    );
    for category in Category::ALL {
        let (name, meaning) = exception(category);
        let code = code(category);
        let _ = writeln!(text, "| `{category}` | {code} | `{name}` | {meaning} |");
    }
    text.push_str(
        "\nWhat the gateway refuses is in [What the gateway refuses](refusals.md); what the API server refuses, in \
         [What the API server refuses](admission.md).\n",
    );
    page::hold("errors.md", &text);
}
