//! Takes secret values out of texts that others wrote: the end of a Spark log becomes part of a condition, and Spark may
//! have quoted a setting in it. No I/O.

use std::fmt;

use super::inputs::{Inputs, Source, SourceKind};

/// Shorter values are no secrets worth the name, and would cut ordinary words.
const SHORTEST: usize = 4;
/// What stands in the place of a secret value.
const REDACTED: &str = "(redacted)";

/// The secret values of one server.
#[derive(Default)]
pub struct Redactor {
    /// Longest first: one value may be part of another.
    values: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} values)", self.values.len())
    }
}

impl Redactor {
    /// Everything that came from a Secret, and the server's token.
    pub fn new(inputs: &Inputs, token: &str) -> Self {
        let named = inputs.named.iter().filter_map(|(reference, source)| {
            source
                .as_ref()
                .filter(|_| reference.kind == SourceKind::Secret)
        });
        let labelled = inputs.labelled.iter();
        let labelled = labelled
            .filter(|labelled| labelled.reference.kind == SourceKind::Secret)
            .map(|labelled| &labelled.source);
        let mut values: Vec<String> = named.chain(labelled).flat_map(texts).collect();
        values.push(token.to_owned());
        values.retain(|value| value.len() >= SHORTEST);
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self { values }
    }

    /// The text without the values.
    pub fn clean(&self, text: &str) -> String {
        self.values
            .iter()
            .fold(text.to_owned(), |text, value| text.replace(value, REDACTED))
    }
}

/// A value of several lines is also looked for line by line, as a log would show it.
fn texts(source: &Source) -> impl Iterator<Item = String> + '_ {
    source
        .data
        .values()
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|text| {
            std::iter::once(text.trim())
                .chain(text.lines().map(str::trim))
                .map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::inputs::SourceRef;

    fn source(value: &str) -> Source {
        Source {
            data: [("k".to_owned(), value.as_bytes().to_vec())].into(),
        }
    }

    #[test]
    fn secret_values_go_and_the_rest_stays() {
        let inputs = Inputs {
            named: [
                (SourceRef::secret("s3"), Some(source("hunter2\n"))),
                (SourceRef::secret("long"), Some(source("hunter2hunter2"))),
                (SourceRef::secret("tiny"), Some(source("on"))),
                (SourceRef::config_map("plain"), Some(source("visible"))),
            ]
            .into(),
            labelled: Vec::new(),
        };
        let redactor = Redactor::new(&inputs, "tokentoken");
        let text = redactor
            .clean("x should be int but was hunter2hunter2, hunter2; visible on tokentoken");
        assert_eq!(
            text,
            "x should be int but was (redacted), (redacted); visible on (redacted)"
        );
        assert!(!format!("{redactor:?}").contains("hunter2"));
    }
}
