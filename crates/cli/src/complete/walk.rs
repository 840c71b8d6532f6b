//! What may stand next on a command line, by clap's own tree. Pure.

use clap::{Arg, ArgAction, Command};

use crate::context::Global;

/// A word, and what it is for.
pub(super) type Candidate = (String, Option<String>);

/// What may stand next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// One of these.
    Words(Vec<Candidate>),
    /// The name of something in the cluster.
    Name(Kind),
    /// The name of a file.
    File,
    /// Something that is not known here.
    Nothing,
}

/// Kinds whose names can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Server,
    Session,
    Application,
}

/// What may stand behind `before`, where `last` is written so far; and which cluster the words speak of.
pub(super) fn next(root: &Command, before: &[String], last: &str) -> (Next, Global) {
    let mut walk = Walk {
        command: root,
        value_of: None,
        positionals: 0,
        literal: false,
        global: Global::default(),
    };
    for word in before {
        walk.step(word);
    }
    (walk.end(last), walk.global)
}

struct Walk<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    value_of: Option<&'a Arg>,
    positionals: usize,
    /// Whether `--` was seen: nothing is an option any more.
    literal: bool,
    global: Global,
}

impl<'a> Walk<'a> {
    fn step(&mut self, word: &str) {
        if let Some(option) = self.value_of.take() {
            self.remember(option, word);
        } else if self.literal {
            self.positionals += 1;
        } else if word == "--" {
            self.literal = true;
        } else if let Some(option) = word.strip_prefix("--") {
            self.option(option);
        } else if let Some(letters) = word.strip_prefix('-') {
            let last = letters.chars().last();
            self.value_of = self.find(|known| known.get_short() == last);
        } else if let Some(below) = self.command.find_subcommand(word) {
            self.command = below;
        } else {
            self.positionals += 1;
        }
    }

    /// `name`, or `name=value`.
    fn option(&mut self, text: &str) {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let found = self.find(|known| known.get_long() == Some(name));
        match (found, value) {
            (Some(option), Some(value)) => self.remember(option, value),
            (found, _) => self.value_of = found,
        }
    }

    /// The option that takes a value.
    fn find(&self, fits: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        let mut options = self.command.get_arguments();
        options.find(|known| takes_value(known) && fits(known))
    }

    fn remember(&mut self, option: &Arg, value: &str) {
        let value = value.to_owned();
        match option.get_id().as_str() {
            "kubeconfig" => self.global.kubeconfig = Some(value.into()),
            "context" => self.global.context = Some(value),
            "namespace" => self.global.namespace = Some(value),
            _ => {}
        }
    }

    fn end(&self, last: &str) -> Next {
        if let Some(option) = self.value_of {
            return value(option);
        }
        if last.starts_with('-') && !self.literal {
            return Next::Words(options(self.command));
        }
        let mut below = self.command.get_subcommands().peekable();
        if below.peek().is_some() {
            let below = below.filter(|below| !below.is_hide_set());
            return Next::Words(
                below
                    .map(|it| explained(it.get_name(), it.get_about()))
                    .collect(),
            );
        }
        let positionals = self.command.get_positionals();
        let positionals: Vec<_> = positionals.filter(|known| !known.is_last_set()).collect();
        // The last one may stand several times.
        let several = positionals.last().filter(|last| is_list(last));
        match positionals.get(self.positionals).or(several) {
            Some(positional) if !self.literal => value(positional),
            _ => Next::Nothing,
        }
    }
}

fn is_list(positional: &Arg) -> bool {
    matches!(positional.get_action(), ArgAction::Append)
}

fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
}

fn value(of: &Arg) -> Next {
    let known = of.get_possible_values();
    if !known.is_empty() {
        let known = known.iter().filter(|known| !known.is_hide_set());
        return Next::Words(
            known
                .map(|it| explained(it.get_name(), it.get_help()))
                .collect(),
        );
    }
    let names = of.get_value_names().unwrap_or_default();
    match names.first().map(clap::builder::Str::as_str) {
        Some("SERVER") => Next::Name(Kind::Server),
        Some("SESSION") => Next::Name(Kind::Session),
        Some("APPLICATION") => Next::Name(Kind::Application),
        Some("PATH") => Next::File,
        _ => Next::Nothing,
    }
}

fn options(command: &Command) -> Vec<Candidate> {
    let shown = command
        .get_arguments()
        .filter(|option| !option.is_hide_set());
    let named = shown.filter_map(|option| {
        let name = format!("--{}", option.get_long()?);
        Some(explained(&name, option.get_help()))
    });
    named.collect()
}

fn explained(word: &str, text: Option<&clap::builder::StyledStr>) -> Candidate {
    let text = text.map(ToString::to_string);
    let first = text.and_then(|text| text.lines().next().map(str::to_owned));
    (word.to_owned(), first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(words: &[&str], last: &str) -> (Next, Global) {
        let mut command = crate::command();
        command.build();
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        next(&command, &words, last)
    }

    fn words(next: &Next) -> Vec<&str> {
        match next {
            Next::Words(words) => words.iter().map(|(word, _)| word.as_str()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn verbs_options_and_values_come_from_the_tree() {
        let (groups, _) = after(&[], "");
        assert!(words(&groups).contains(&"session") && !words(&groups).contains(&"__complete"));
        let (verbs, _) = after(&["-v", "server"], "");
        assert!(words(&verbs).contains(&"restart"));
        let (options, _) = after(&["session", "create"], "--");
        assert!(words(&options).contains(&"--idle-timeout"));
        assert!(words(&options).contains(&"--namespace"));
        let (forms, _) = after(&["session", "ls", "-o"], "");
        assert_eq!(words(&forms), ["wide", "json", "yaml", "name"]);
        let (shells, _) = after(&["completion"], "");
        assert!(words(&shells).contains(&"kubectl"));
    }

    #[test]
    fn names_are_asked_for_where_they_stand() {
        for (before, kind) in [
            (&["server", "get"][..], Kind::Server),
            (&["server", "scale", "-n", "team"], Kind::Server),
            (&["session", "create"], Kind::Server),
            (&["session", "url", "--no-token"], Kind::Session),
            (&["session", "close", "ada"], Kind::Session),
            (&["app", "logs", "--executor=1"], Kind::Application),
        ] {
            assert_eq!(after(before, "").0, Next::Name(kind), "{before:?}");
        }
        assert_eq!(after(&["session", "get", "ada"], "").0, Next::Nothing);
        assert_eq!(after(&["session", "ls", "--kubeconfig"], "").0, Next::File);
        assert_eq!(after(&["app", "submit", "x.py", "--"], "").0, Next::Nothing);
    }

    #[test]
    fn the_cluster_is_that_of_the_words() {
        let (_, global) = after(&["-n", "team", "session", "--context=c", "get"], "");
        assert_eq!(global.namespace.as_deref(), Some("team"));
        assert_eq!(global.context.as_deref(), Some("c"));
    }
}
