//! The client speaks to programs: of its operations and fields. Here those are verbs and options. Pure.

/// What the client says, and what it is here.
const WORDS: [(&str, &str); 13] = [
    ("list_sessions", "`session ls`"),
    ("delete_application", "`app delete`"),
    ("`server`", "SERVER"),
    ("`kubeconfig`", "--kubeconfig"),
    ("`flavour`", "--backend"),
    ("`url`", "--livy-url"),
    ("`ui_url`", "UI"),
    ("`ca`", "--livy-ca-file"),
    ("`basic_auth`", "--livy-user"),
    ("`headers`", "--livy-headers-file"),
    (
        "`allow_plaintext_password`",
        "--livy-allow-plaintext-password",
    ),
    ("`role`", "--executor"),
    ("`previous`", "--previous"),
];

/// The same in the words of the command line.
pub(crate) fn here(text: &str) -> String {
    WORDS.iter().fold(text.to_owned(), |text, (there, here)| {
        text.replace(there, here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_verbs_and_fields_are_options() {
        for (there, expected) in [
            ("say which with `server`", "say which with SERVER"),
            (
                "list_sessions tells those that there are",
                "`session ls` tells those that there are",
            ),
            (
                "the server refused `spark.a`",
                "the server refused `spark.a`",
            ),
        ] {
            assert_eq!(here(there), expected);
        }
    }
}
