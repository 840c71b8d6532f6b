//! The help of every verb, and the documentation's list of them.

use clap::Command;

use crate::program::Program;

/// The words of every verb, groups first.
pub(crate) fn verbs() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while next < found.len() {
        let words = found[next].clone();
        let below = command(&words);
        let below = below.get_subcommands().filter(|below| !below.is_hide_set());
        for below in below {
            let mut deeper = words.clone();
            deeper.push(below.get_name().to_owned());
            found.push(deeper);
        }
        next += 1;
    }
    found
}

fn command(words: &[String]) -> Command {
    words
        .iter()
        .fold(sparkconnect_cli::command(), |command, word| {
            command
                .find_subcommand(word)
                .expect("it was listed")
                .clone()
        })
}

#[test]
fn every_verb_has_its_help() {
    let verbs = verbs();
    assert!(verbs.len() > 20, "{verbs:?}");
    for words in verbs {
        for (option, form) in [("-h", "short"), ("--help", "long")] {
            let mut args: Vec<_> = words.iter().map(String::as_str).collect();
            args.push(option);
            let output = Program::new(&args).output();
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{args:?}"
            );
            let name = [&["help".to_owned()], &words[..], &[form.to_owned()]]
                .concat()
                .join("-");
            insta::assert_snapshot!(name, String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// Of what a person reads no line is longer than a wide terminal, and none is empty at its end.
#[test]
fn help_fits_and_every_verb_is_explained() {
    for words in verbs() {
        let command = command(&words);
        assert!(command.get_about().is_some(), "{words:?}");
        let options = command
            .get_arguments()
            .filter(|option| !option.is_hide_set());
        for option in options {
            assert!(option.get_help().is_some(), "{words:?} {}", option.get_id());
        }
    }
}

#[test]
fn the_documentation_names_every_verb() {
    let page = include_str!("../../../../docs/reference/cli.md");
    for words in verbs().iter().filter(|words| !words.is_empty()) {
        let verb = words.join(" ");
        assert!(
            page.contains(&format!("`{verb}")),
            "docs/reference/cli.md has nothing of `{verb}`"
        );
    }
}

#[test]
fn the_version_is_told() {
    insta::assert_snapshot!(Program::new(&["--version"]).told());
}

/// The command lines in a text: what stands behind the program's name, up to what is the shell's.
fn examples(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let mut parts = line.replace("kubectl-sparkconnect ", "kubectl sparkconnect ");
        // Those that xargs appends.
        parts = parts.replace("--no-run-if-empty ", "");
        parts = parts.replace(
            "xargs kubectl sparkconnect session close",
            "kubectl sparkconnect session close x",
        );
        for rest in parts.split("kubectl sparkconnect ").skip(1) {
            let words = rest.split_whitespace();
            let own = words.take_while(|word| !["|", ">", "#"].contains(word));
            let own = own.map(|word| word.trim_end_matches([')', '`', '.', ',']).to_owned());
            found.push(own.collect());
        }
    }
    found
}

#[test]
fn every_example_is_a_command_line_that_can_be() {
    let page = include_str!("../../../../docs/reference/cli.md");
    let is_commands = |block: &&str| block.starts_with("sh\n") || block.starts_with("sh,");
    let blocks = page.split("```").filter(is_commands);
    let mut texts: Vec<_> = blocks
        .map(|block| block.replacen("bash|zsh|fish|", "", 1))
        .collect();
    for words in verbs() {
        let help = command(&words)
            .get_after_long_help()
            .map(ToString::to_string);
        let has = help.as_deref().is_some_and(|help| help.contains("kubectl"));
        let group = command(&words).has_subcommands();
        assert!(has || group, "`{}` has no example", words.join(" "));
        texts.extend(help);
    }
    let all: Vec<_> = texts.iter().flat_map(|text| examples(text)).collect();
    assert!(all.len() > 40, "{all:?}");
    for words in all {
        let line = ["kubectl-sparkconnect".to_owned()]
            .into_iter()
            .chain(words.clone());
        let parsed = sparkconnect_cli::command().try_get_matches_from(line);
        assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
    }
}
