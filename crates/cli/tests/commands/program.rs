//! Runs the program, and writes down what came of it so that it is the same each time.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use sparkconnect_testkit::apiserver::ApiServer;

/// A run of the program that is prepared.
pub(crate) struct Program(pub(crate) Command);

impl Program {
    /// Without any environment but where programs are, and with a home of its own.
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-sparkconnect"));
        command.env_clear().stdin(Stdio::null()).args(args);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", "/nonexistent");
        Self(command)
    }

    /// As the user of a kubeconfig.
    pub(crate) fn with(mut self, kubeconfig: &Path) -> Self {
        self.0.env("KUBECONFIG", kubeconfig);
        self
    }

    /// What came of it.
    pub(crate) fn output(&mut self) -> Output {
        self.0.output().expect("the program starts")
    }

    /// The same written down: exit code, standard output, standard error, with what differs from run to run masked.
    pub(crate) fn told(&mut self) -> String {
        told(&self.output())
    }
}

/// An output written down.
pub(crate) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| masked(&String::from_utf8_lossy(bytes));
    let code = output.status.code();
    let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("exit code: {code}\n--- standard output\n{out}--- standard error\n{err}")
}

/// The program on a test's API server, in a namespace.
pub(crate) fn run(server: &ApiServer, namespace: &str, args: &[&str]) -> String {
    let all = [&["--namespace", namespace], args].concat();
    Program::new(&all).with(server.kubeconfig()).told()
}

/// Ages, ids, and addresses of the API server are not the same twice; how wide columns are follows from them.
fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| {
        // What was typed or set is the same each time.
        let given = ["error: ", "Idle timeout:", "idleTimeout"];
        if given.iter().any(|given| line.contains(given)) {
            return format!("{line}\n");
        }
        let indent = line.len() - line.trim_start().len();
        let mut masked = line[..indent].to_owned();
        let mut words = line.trim_start().split(' ').peekable();
        while let Some(word) = words.next() {
            masked.push_str(&masked_word(word));
            // Of several spaces two are kept.
            let gap = std::iter::from_fn(|| words.next_if(|word| word.is_empty())).count();
            match (gap, words.peek()) {
                (_, None) => {}
                (0, Some(_)) => masked.push(' '),
                (_, Some(_)) => masked.push_str("  "),
            }
        }
        masked + "\n"
    });
    lines.collect()
}

fn masked_word(word: &str) -> String {
    let core = word.trim_matches(['"', ',', '\'', '(', ')']);
    let mask = if is_age(core) {
        "AGE"
    } else if is_id(core) {
        "ID"
    } else if is_time(core) {
        "TIME"
    } else {
        return word.to_owned();
    };
    word.replacen(core, mask, 1)
}

fn is_age(word: &str) -> bool {
    let units = word.chars().filter(char::is_ascii_alphabetic).count();
    let known = |letter: char| letter.is_ascii_digit() || "smhdy".contains(letter);
    let ends = word.ends_with(|last: char| last.is_ascii_alphabetic());
    let begins = word.starts_with(|first: char| first.is_ascii_digit());
    begins && ends && (1..=2).contains(&units) && word.chars().all(known)
}

fn is_id(word: &str) -> bool {
    let lengths: Vec<_> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && !word.starts_with("11111111")
}

fn is_time(word: &str) -> bool {
    word.len() >= 20
        && word.ends_with('Z')
        && word.as_bytes()[10] == b'T'
        && !word.starts_with("2020")
}
