//! A batch's log, which Livy keeps the last lines of: what is new in it since the last look, and what fell out between two. Pure.

/// How many lines Livy keeps of each part by default.
const KEPT: usize = 200;
/// What stands for lines that fell out between two looks.
const LOST: &str = "[lines are missing here: Livy keeps only the last ones, and more were written since the last look]";
/// What stands for lines that may have fallen out before the first look.
const MAYBE_LOST: &str =
    "[lines may be missing before this one: Livy keeps the last 200 by default]";

/// A part of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    title: String,
    pub(super) lines: Vec<String>,
}

impl Section {
    /// Whether it is not the program's own.
    pub(super) fn is_diagnostics(&self) -> bool {
        !matches!(self.title.as_str(), "stdout" | "stderr")
    }
}

/// The parts of a log. The first heading comes first, and each later one begins with an end of line, which no line of a log has.
pub(super) fn sections(log: Vec<String>) -> Vec<Section> {
    let mut sections = Vec::new();
    for (number, line) in log.into_iter().enumerate() {
        let heading = line.starts_with('\n') || (number == 0 && line == "stdout: ");
        let title = if heading {
            line.trim().trim_end_matches(':')
        } else {
            "stdout"
        };
        if heading || sections.is_empty() {
            sections.push(Section {
                title: title.to_owned(),
                lines: Vec::new(),
            });
        }
        if !heading && let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

/// What was seen of a log.
#[derive(Debug, Default)]
pub(super) struct Seen(Vec<Section>);

impl Seen {
    /// The lines that are new in what Livy has of the log now.
    pub(super) fn new_lines(&mut self, log: Vec<String>) -> Vec<String> {
        let sections = sections(log);
        let new = sections.iter().flat_map(|section| {
            let seen = self.0.iter().find(|seen| seen.title == section.title);
            let seen = seen.map_or(&[][..], |seen| &seen.lines);
            new_lines(seen, section)
        });
        let new = new.collect();
        self.0 = sections;
        new
    }
}

fn new_lines(seen: &[String], section: &Section) -> Vec<String> {
    let known = known(seen, &section.lines);
    let lost = match (seen, known) {
        ([], _) if section.lines.len() >= KEPT => Some(MAYBE_LOST),
        ([_, ..], 0) => Some(LOST),
        _ => None,
    };
    let lines = section.lines[known..].iter().map(|line| {
        if section.is_diagnostics() {
            format!("{}: {line}", section.title)
        } else {
            line.clone()
        }
    });
    lost.map(str::to_owned).into_iter().chain(lines).collect()
}

/// With how many lines `now` begins that were seen: Livy forgets from the front and adds at the end.
fn known(seen: &[String], now: &[String]) -> usize {
    let longest = seen.len().min(now.len());
    let kept = (0..=longest).rev();
    kept.into_iter()
        .find(|&kept| seen.ends_with(&now[..kept]))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(stdout: &[&str], more: &[&str]) -> Vec<String> {
        let parts = [&["stdout: "], stdout, &["\nstderr: "], more];
        parts.concat().into_iter().map(str::to_owned).collect()
    }

    fn numbers(from: usize, to: usize) -> Vec<String> {
        (from..to).map(|number| number.to_string()).collect()
    }

    fn numbered(from: usize, to: usize) -> Vec<String> {
        let numbers = numbers(from, to);
        let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
        log(&numbers, &[])
    }

    #[test]
    fn each_line_is_told_once_whatever_falls_out() {
        let mut seen = Seen::default();
        assert!(seen.new_lines(Vec::new()).is_empty());
        assert!(seen.new_lines(log(&[], &[])).is_empty());
        assert_eq!(seen.new_lines(log(&["a", "b"], &[])), ["a", "b"]);
        assert!(seen.new_lines(log(&["a", "b"], &[])).is_empty());
        assert_eq!(seen.new_lines(log(&["b", "c"], &["e"])), ["c", "e"]);
        assert_eq!(seen.new_lines(log(&["c", "d", "e"], &["e"])), ["d", "e"]);
    }

    #[test]
    fn lines_that_fell_out_are_told_of() {
        let mut seen = Seen::default();
        assert_eq!(seen.new_lines(numbered(0, 5)), numbers(0, 5));
        let new = seen.new_lines(numbered(300, 500));
        assert_eq!(new[0], LOST);
        assert_eq!(new[1..], numbers(300, 500));
        let late = Seen::default().new_lines(numbered(300, 500));
        assert_eq!(late[0], MAYBE_LOST);
        assert_eq!(late.len(), 201);
    }

    #[test]
    fn what_the_cluster_manager_says_is_marked() {
        let log = log(&["a"], &["\nYARN Diagnostics: ", "no queue"]);
        let told = Seen::default().new_lines(log);
        assert_eq!(told, ["a", "YARN Diagnostics: no queue"]);
    }
}
