//! A page as a script: its commands in their order, and the files that it shows. No I/O.

use serde_json::{Value, json};
use sparkconnect_testkit::book::{Block, Page};

/// What a reader does who follows a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// Files that the page shows: name and content.
    pub(crate) files: Vec<(String, String)>,
    /// Commands, for bash.
    pub(crate) commands: String,
    /// The version of Spark that its server is of, if it shows one.
    pub(crate) spark: Option<String>,
}

impl Script {
    /// `None` where the page has nothing to run.
    pub(crate) fn of(page: &Page) -> Option<Self> {
        let mut script = Self::default();
        let elsewhere = |block: &&Block| {
            ["tested", "untested"]
                .iter()
                .any(|name| block.attribute(name).is_some())
        };
        for block in page.blocks.iter().filter(|block| !elsewhere(block)) {
            script.take(block);
        }
        (!script.commands.is_empty()).then_some(script)
    }

    fn take(&mut self, block: &Block) {
        let file = block.attribute("file");
        if let Some(name) = file {
            let text = if block.language == "yaml" {
                small(&block.text)
            } else {
                block.text.clone()
            };
            let mut lines = block.text.lines();
            let version = lines.find_map(|line| line.trim().strip_prefix("version: "));
            self.spark = self.spark.take().or(version.map(str::to_owned));
            self.files.push((name.to_owned(), text));
        }
        match (block.language.as_str(), file) {
            ("sh", _) => self.step(block.head(), &block.text),
            ("python", None) => {
                let name = format!("program-{}.py", self.files.len());
                self.files.push((name.clone(), block.text.clone()));
                self.step(block.head(), &format!("python {name}\n"));
            }
            _ => {}
        }
    }

    /// A failure tells which block it was in.
    fn step(&mut self, head: &str, commands: &str) {
        let head = head.replace('\'', "'\\''");
        self.commands
            .push_str(&format!("block='{head}'\n{commands}"));
    }
}

/// Manifests with servers that fit a small machine: where a server does not say what its pods request of the CPU, it is little.
fn small(text: &str) -> String {
    if !text.contains("kind: SparkConnectServer") {
        return text.to_owned();
    }
    let documents = text.split("\n---\n").map(|document| {
        let mut object: Value =
            serde_yaml::from_str(document).expect("another test reads every manifest");
        if object["kind"] == "SparkConnectServer" {
            let local = object["spec"]["mode"] == "Local";
            let pods: &[&str] = if local {
                &["driver"]
            } else {
                &["driver", "executor"]
            };
            for pod in pods {
                let cpu = &mut object["spec"][pod]["resources"]["requests"]["cpu"];
                if cpu.is_null() {
                    *cpu = json!("100m");
                }
            }
        }
        object.to_string()
    });
    documents.collect::<Vec<_>>().join("\n---\n") + "\n"
}

#[cfg(test)]
mod tests {
    use sparkconnect_testkit::book::blocks;

    use super::*;

    fn script(markdown: &str) -> Option<Script> {
        let path = String::new();
        Script::of(&Page {
            path,
            blocks: blocks(markdown),
        })
    }

    #[test]
    fn commands_and_programs_are_run_in_their_order() {
        let page = "```sh\none\n```\n```python\ntwo\n```\n```text\nprinted\n```\n```sh,untested=\"needs a cloud\"\nnever\n```\n```python,file=a.py\nthree\n```\n";
        let script = script(page).unwrap();
        assert_eq!(
            script.commands,
            "block='one'\none\nblock='two'\npython program-0.py\n"
        );
        let files: Vec<_> = script.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(files, ["program-0.py", "a.py"]);
    }

    #[test]
    fn a_page_without_commands_is_no_script() {
        assert_eq!(script("# A\n\n```yaml\na: 1\n```\n"), None);
    }

    #[test]
    fn servers_are_made_small() {
        let text = "kind: Secret\n---\nkind: SparkConnectServer\nspec: {mode: Local}\n";
        let made = small(text);
        assert!(
            made.contains(r#""driver":{"resources":{"requests":{"cpu":"100m"}}}"#),
            "{made}"
        );
        assert!(!made.contains("executor"), "{made}");
        let own = "kind: SparkConnectServer\nspec: {driver: {resources: {requests: {cpu: 2}}}}\n";
        assert!(small(own).contains(r#""driver":{"resources":{"requests":{"cpu":2}}}"#));
    }
}
