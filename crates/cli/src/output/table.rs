//! Tables as kubectl prints them: columns side by side, three spaces between, no lines. Pure.

/// Spaces between two columns.
const GAP: usize = 3;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// What stands above it.
    pub(crate) title: &'static str,
    /// Whether only the wide form has it.
    pub(crate) wide: bool,
}

/// A column of every form.
pub(crate) const fn column(title: &'static str) -> Column {
    Column { title, wide: false }
}

/// A column of the wide form.
pub(crate) const fn wide(title: &'static str) -> Column {
    Column { title, wide: true }
}

/// The lines of a table; each row has one cell a column, those of the wide form included.
pub(crate) fn render(
    columns: &[Column],
    rows: &[Vec<String>],
    wide: bool,
    headers: bool,
) -> String {
    let titles = columns
        .iter()
        .map(|column| column.title.to_owned())
        .collect();
    let titles: Option<Vec<String>> = headers.then_some(titles);
    let shown = |row: &Vec<String>| -> Vec<String> {
        let cells = columns.iter().zip(row);
        let cells = cells.filter(|(column, _)| wide || !column.wide);
        // A cell is one line, whatever a message holds.
        cells.map(|(_, cell)| one_line(cell)).collect()
    };
    let rows: Vec<_> = titles.iter().chain(rows).map(shown).collect();
    let widths = widths(&rows);
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn one_line(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let longest = |at: usize| rows.iter().map(|row| length(&row[at])).max();
    (0..columns).map(|at| longest(at).unwrap_or(0)).collect()
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width - length(cell) + GAP));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [column("NAME"), wide("URL"), column("MESSAGE")];

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row(["ada", "sc://a", "it is\nready"]),
            row(["a-longer-name", "", ""]),
        ]
    }

    #[test]
    fn columns_stand_below_their_titles() {
        let text = render(&COLUMNS, &rows(), false, true);
        let expected = "NAME            MESSAGE\nada             it is ready\na-longer-name\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_wide_form_has_more_and_headers_can_go() {
        let text = render(&COLUMNS, &rows(), true, false);
        assert_eq!(
            text,
            "ada             sc://a   it is ready\na-longer-name\n"
        );
    }

    #[test]
    fn letters_are_counted_and_not_bytes() {
        let row = |name: &str| vec![name.to_owned(), String::new(), "x".to_owned()];
        let text = render(&COLUMNS, &[row("Ödön"), row("ada")], false, false);
        assert_eq!(text, "Ödön   x\nada    x\n");
    }
}
