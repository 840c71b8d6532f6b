//! One thing described for people, as `kubectl describe` does: names of facts on the left, facts on the right, tables below. Pure.

use super::table::{self, Column};

/// Spaces before what belongs to a heading.
const INDENT: &str = "  ";

/// Facts and tables in their order.
#[derive(Debug, Default)]
pub(crate) struct Description {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Fact(&'static str, String),
    Text(String),
}

impl Description {
    /// A fact; one that is not known is left out.
    pub(crate) fn fact(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        self.parts
            .extend(value.map(|value| Part::Fact(name, value.into())));
    }

    /// A table under a heading; one without rows is left out.
    pub(crate) fn table(&mut self, heading: &str, columns: &[Column], rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        let table = table::render(columns, rows, true, true);
        let lines = table.lines().map(|line| format!("{INDENT}{line}\n"));
        let lines: String = lines.collect();
        self.parts.push(Part::Text(format!("{heading}:\n{lines}")));
    }

    /// The whole text, facts side by side with their names.
    pub(crate) fn render(&self) -> String {
        let names = self.parts.iter().map(|part| match part {
            Part::Fact(name, _) => name.len(),
            Part::Text(_) => 0,
        });
        // A colon, and two spaces behind the longest.
        let width = names.max().unwrap_or(0) + 3;
        let parts = self.parts.iter().map(|part| match part {
            Part::Fact(name, value) => format!("{:width$}{value}\n", format!("{name}:")),
            Part::Text(text) => text.clone(),
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_a_column_and_what_is_not_known_is_not_there() {
        let mut description = Description::default();
        description.fact("Name", Some("demo"));
        description.fact("Unknown", None::<String>);
        let rows = [vec!["Ready".to_owned(), "True".to_owned()]];
        let columns = [table::column("TYPE"), table::column("STATUS")];
        description.table("Conditions", &columns, &rows);
        description.table("Events", &columns, &[]);
        description.fact("Spark version", Some("4.3.0"));
        assert_eq!(
            description.render(),
            "Name:           demo\nConditions:\n  TYPE    STATUS\n  Ready   True\nSpark version:  4.3.0\n"
        );
    }
}
