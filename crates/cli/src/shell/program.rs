//! What is run in place of a prompt, as far as it can be judged before a session is made. Pure.

use sparkconnect_client::{Category, Error};

/// Refuses what the Python side has no way to run.
pub(super) fn check(words: &[String]) -> Result<(), Error> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let wrong = match words[..] {
        ["-c"] => "-c needs code behind it".to_owned(),
        ["-m"] => "-m needs the name of a module behind it".to_owned(),
        [] | ["-c" | "-m", ..] => return Ok(()),
        [first, ..] if !first.starts_with('-') => return Ok(()),
        [other, ..] => format!("`{other}` is nothing to run"),
    };
    Err(Error::new(Category::InvalidInput, wrong)
        .hint("behind `--` stands FILE, -c CODE or -m MODULE, and its arguments"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str]) -> Result<(), Error> {
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        super::check(&words)
    }

    #[test]
    fn a_file_code_and_a_module_can_be_run() {
        for words in [
            &[][..],
            &["report.py", "--month", "7"],
            &["-c", "print(1)", "-x"],
            &["-m", "report"],
        ] {
            check(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for words in [&["-c"][..], &["-m"], &["-u", "report.py"], &["-"]] {
            let error = check(words).expect_err("nothing to run");
            assert_eq!(error.category(), Category::InvalidInput, "{words:?}");
            assert!(
                error
                    .hint_text()
                    .is_some_and(|hint| hint.contains("-c CODE"))
            );
        }
    }
}
