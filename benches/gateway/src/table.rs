//! The table: the median of each figure over the rounds, and between which values they lay. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use sparkconnect_testkit::Error;

use crate::shape::Column;

/// Figures of one row, by column.
type Figures = BTreeMap<Column, Vec<f64>>;

/// The figures of every proxy, in the order in which they came.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, Figures)>,
    dropped: BTreeMap<(String, Column), usize>,
    failed: Vec<String>,
}

impl Table {
    /// Adds one figure.
    pub fn add(&mut self, row: &str, column: Column, figure: f64) {
        self.row(row).entry(column).or_default().push(figure);
    }

    /// Notes that a round has no figure, as others were on its core each time.
    pub fn drop_round(&mut self, row: &str, column: Column) {
        self.row(row).entry(column).or_default();
        *self.dropped.entry((row.to_owned(), column)).or_default() += 1;
    }

    /// Notes that a round has no figure, as a call did not come to what was asked.
    pub fn fail(&mut self, row: &str, what: &str, error: &Error) {
        self.failed.push(format!("{row}, {what}: {error}"));
    }

    fn row(&mut self, name: &str) -> &mut Figures {
        let at = self.rows.iter().position(|(row, _)| row == name);
        let at = at.unwrap_or_else(|| {
            self.rows.push((name.to_owned(), Figures::new()));
            self.rows.len() - 1
        });
        &mut self.rows[at].1
    }

    /// The table in Markdown, with the columns that have something, and what is missing below it.
    pub fn markdown(&self) -> String {
        let has = |column: &Column| self.rows.iter().any(|(_, row)| row.contains_key(column));
        let columns: Vec<Column> = Column::ALL.into_iter().filter(has).collect();
        let heads: Vec<&str> = columns.iter().map(|column| column.head()).collect();
        let mut text = format!("| proxy | {} |\n", heads.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(columns.len()));
        for (name, row) in &self.rows {
            let cells: Vec<String> = columns.iter().map(|column| cell(row.get(column))).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
        if !self.dropped.is_empty() {
            text.push_str(
                "\nRounds without a figure, as other programs were on the cores at each try:\n\n",
            );
        }
        for ((name, column), rounds) in &self.dropped {
            let _ = writeln!(text, "- {name}, {}: {rounds}", column.head());
        }
        if !self.failed.is_empty() {
            text.push_str("\nRounds without a figure, as a call failed:\n\n");
        }
        for failure in &self.failed {
            let _ = writeln!(text, "- {failure}");
        }
        text
    }
}

/// The median, and least and most where they are not one.
fn cell(figures: Option<&Vec<f64>>) -> String {
    let mut sorted = match figures {
        None => return "-".to_owned(),
        Some(figures) if figures.is_empty() => return "noisy".to_owned(),
        Some(figures) => figures.clone(),
    };
    sorted.sort_by(f64::total_cmp);
    let median = figure(median(&sorted));
    let (least, most) = (figure(sorted[0]), figure(sorted[sorted.len() - 1]));
    if least == most {
        return median;
    }
    format!("{median} ({least} to {most})")
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// Three digits say more than any of these is certain.
fn figure(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_medians_and_spreads_and_says_what_is_missing() {
        let mut table = Table::default();
        for figure in [12.04, 10.0, 11.0] {
            table.add("ours TLS", Column::Unary, figure);
        }
        table.add("ours TLS", Column::P99, 1234.5);
        table.add("envoy plain", Column::Unary, 20.0);
        table.add("envoy plain", Column::Unary, 21.0);
        table.drop_round("envoy plain", Column::P99);
        table.fail("envoy plain", "Upload", &Error::new("it broke off"));
        let expected = "\
| proxy | unary, CPU µs/call | p99, µs |
|---|---|---|
| ours TLS | 11.0 (10.0 to 12.0) | 1234 |
| envoy plain | 20.5 (20.0 to 21.0) | noisy |

Rounds without a figure, as other programs were on the cores at each try:

- envoy plain, p99, µs: 1

Rounds without a figure, as a call failed:

- envoy plain, Upload: it broke off
";
        assert_eq!(table.markdown(), expected);
    }
}
