//! Completion: scripts for shells, and what may stand next for kubectl, which asks this program each time.

mod names;
pub(crate) mod script;
mod walk;

use std::process::ExitCode;

use self::walk::Next;
use crate::context::{Context, Global};
use crate::error::Error;

/// No file's name may stand there.
const NO_FILE: u8 = 4;
/// A file's name may.
const FILE: u8 = 0;

/// Print what may stand in the place of the last of these words, in the form of kubectl's completion.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The words behind `kubectl sparkconnect`, the last as far as it is written.
    #[arg(last = true)]
    words: Vec<String>,
}

/// Prints it: a line each with a tab before its explanation, and then whether files come into question.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let (last, before) = match args.words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", &[][..]),
    };
    let mut command = crate::command();
    command.build();
    let (next, global) = walk::next(&command, before, last);
    let (mut candidates, rest) = match next {
        Next::Words(words) => (words, NO_FILE),
        Next::File => (Vec::new(), FILE),
        Next::Nothing => (Vec::new(), NO_FILE),
        Next::Name(kind) => (
            names::of(&Context::new(over(context, global)), kind).await,
            NO_FILE,
        ),
    };
    candidates.retain(|(word, _)| word.starts_with(last));
    let lines = candidates
        .into_iter()
        .map(|(word, explained)| match explained {
            Some(text) => format!("{word}\t{text}\n"),
            None => format!("{word}\n"),
        });
    let lines: String = lines.collect();
    context.print(&format!("{lines}:{rest}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The options among the words, before those of this call.
fn over(context: &Context, global: Global) -> Global {
    let own = context.global.clone();
    Global {
        kubeconfig: global.kubeconfig.or(own.kubeconfig),
        context: global.context.or(own.context),
        namespace: global.namespace.or(own.namespace),
        verbose: own.verbose,
    }
}
