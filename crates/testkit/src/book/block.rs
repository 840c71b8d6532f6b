//! The blocks of code of a page, by their info strings. No I/O.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// A fenced block of code. Its info string is its language and what tests are told of it, as in `yaml,file=server.yaml` or
/// `sh,untested="needs a cloud"`; readers see nothing of the latter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Its language, as in `sh`.
    pub language: String,
    /// What is in it.
    pub text: String,
    attributes: Vec<(String, String)>,
}

impl Block {
    /// The value of an attribute, empty for one without a value; `None` where it is not there.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut found = self.attributes.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The names of its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// Its first line, to be recognised by.
    pub fn head(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    fn of(info: &str) -> Self {
        let (language, rest) = info.split_once(',').unwrap_or((info, ""));
        Self {
            language: language.trim().to_owned(),
            text: String::new(),
            attributes: attributes(rest),
        }
    }
}

/// `name`, `name=value` and `name="value, and more"`, with commas between them.
fn attributes(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find(['=', ',']).unwrap_or(rest.len()));
        let (value, after) = if let Some(text) = after.strip_prefix("=\"") {
            text.split_once('"').unwrap_or((text, ""))
        } else if let Some(text) = after.strip_prefix('=') {
            text.split_at(text.find(',').unwrap_or(text.len()))
        } else {
            ("", after)
        };
        found.push((name.trim().to_owned(), value.to_owned()));
        rest = after.trim_start_matches(',');
    }
    found
}

/// The fenced blocks of a page, in their order.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = Some(Block::of(&info));
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => found.extend(open.take()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_their_attributes() {
        let page = "# A\n\n```yaml,file=a.yaml,untested=\"a, b\"\nx: 1\n```\n\n1. item\n\n   ```sh\n   one\n   two\n   ```\n\n    indented\n";
        let found = blocks(page);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].language, "yaml");
        assert_eq!(found[0].attribute("file"), Some("a.yaml"));
        assert_eq!(found[0].attribute("untested"), Some("a, b"));
        assert_eq!(found[0].attribute("tested"), None);
        assert_eq!(found[1].text, "one\ntwo\n");
        assert_eq!(found[1].head(), "one");
    }

    #[test]
    fn an_attribute_may_have_no_value() {
        let block = Block::of("yaml,values,file=x");
        assert_eq!(block.attributes().collect::<Vec<_>>(), ["values", "file"]);
        assert_eq!(block.attribute("values"), Some(""));
    }
}
