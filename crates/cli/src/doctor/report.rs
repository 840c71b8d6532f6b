//! What the checks found, and how it is told: as lines for people, or as a whole. Pure.

use serde::Serialize;
use sparkconnect_client::{Category, Error};

use crate::words::here;

/// What is to be thought of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It is as it should be.
    Well,
    /// It works, or may work, but somebody should look.
    Doubtful,
    /// It does not work.
    Wrong,
    /// It could not be looked at, or there is nothing to look at.
    Skipped,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: String,
    /// What is to be thought of it.
    pub(super) verdict: Verdict,
    /// What was seen, as a sentence.
    pub(super) message: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cure: Option<String>,
}

/// How findings are shown to people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// With signs and colours, as on a terminal; else with words.
    pub(super) signs: bool,
}

impl Finding {
    /// It is as it should be.
    pub(super) fn well(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Well, message)
    }

    /// Somebody should look.
    pub(super) fn doubtful(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Doubtful, message)
    }

    /// It does not work.
    pub(super) fn wrong(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Wrong, message)
    }

    /// It was not looked at.
    pub(super) fn skipped(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, message)
    }

    /// What came of asking the cluster.
    pub(super) fn failed(check: impl Into<String>, error: &Error) -> Self {
        let finding = Self::wrong(check, here(&error.to_string()));
        match error.hint_text() {
            Some(hint) => finding.cure(here(hint)),
            None => finding,
        }
    }

    /// What came of asking for something that not everybody may see; what is missing is told where rights are looked at.
    pub(super) fn unseen(check: impl Into<String>, what: &str, error: &Error) -> Self {
        match error.category() {
            Category::PermissionDenied => Self::skipped(check, format!("you may not see {what}")),
            _ => Self::failed(check, error),
        }
    }

    /// With what can be done about it.
    pub(super) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    fn new(check: impl Into<String>, verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict,
            message: message.into(),
            cure: None,
        }
    }

    /// The lines that people read.
    pub(super) fn render(&self, style: Style) -> String {
        let Self { check, message, .. } = self;
        let sign = self.verdict.sign(style);
        let line = format!("{sign} {check}: {message}\n");
        match &self.cure {
            Some(cure) => format!(
                "{line}{:indent$} cure: {cure}\n",
                "",
                indent = style.width()
            ),
            None => line,
        }
    }
}

impl Style {
    const fn width(self) -> usize {
        if self.signs { 1 } else { 4 }
    }
}

impl Verdict {
    fn sign(self, style: Style) -> String {
        use anstyle::AnsiColor::{Green, Red, Yellow};
        let (sign, word, colour) = match self {
            Self::Well => ("✓", "ok", Some(Green)),
            Self::Doubtful => ("!", "look", Some(Yellow)),
            Self::Wrong => ("✗", "FAIL", Some(Red)),
            Self::Skipped => ("-", "skip", None),
        };
        if !style.signs {
            return format!("{word:<4}");
        }
        let colour = colour.map_or(anstyle::Style::new(), |colour| colour.on_default().bold());
        format!("{colour}{sign}{colour:#}")
    }
}

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// In the order of the checks.
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Whether anything does not work.
    pub(super) fn is_wrong(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.verdict == Verdict::Wrong)
    }

    /// The line after all others.
    pub(super) fn summary(&self) -> String {
        let count = |verdict| {
            let findings = self.findings.iter();
            findings
                .filter(|finding| finding.verdict == verdict)
                .count()
        };
        let (wrong, doubtful) = (count(Verdict::Wrong), count(Verdict::Doubtful));
        match (wrong, doubtful) {
            (0, 0) => "all is well".to_owned(),
            (0, doubtful) => format!("nothing is wrong, {doubtful} to look at"),
            (wrong, 0) => format!("{wrong} wrong"),
            (wrong, doubtful) => format!("{wrong} wrong, {doubtful} to look at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_for_terminals_and_words_for_the_rest() {
        let finding = Finding::wrong("gateway", "it is not there").cure("install it");
        let words = finding.render(Style { signs: false });
        assert_eq!(
            words,
            "FAIL gateway: it is not there\n     cure: install it\n"
        );
        let signs = finding.render(Style { signs: true });
        assert!(
            signs.contains('✗') && signs.contains("\n  cure: install it"),
            "{signs}"
        );
        let well = Finding::well("gateway", "there").render(Style { signs: false });
        assert_eq!(well, "ok   gateway: there\n");
    }

    #[test]
    fn only_what_is_wrong_fails() {
        let report = |verdicts: &[Verdict]| Report {
            findings: verdicts
                .iter()
                .map(|&verdict| Finding::new("a", verdict, "b"))
                .collect(),
        };
        use Verdict::{Doubtful, Skipped, Well, Wrong};
        let fine = report(&[Well, Skipped]);
        assert!(!fine.is_wrong());
        assert_eq!(fine.summary(), "all is well");
        let doubtful = report(&[Well, Doubtful]);
        assert!(!doubtful.is_wrong());
        assert_eq!(doubtful.summary(), "nothing is wrong, 1 to look at");
        let wrong = report(&[Wrong, Wrong, Doubtful]);
        assert!(wrong.is_wrong());
        assert_eq!(wrong.summary(), "2 wrong, 1 to look at");
    }
}
