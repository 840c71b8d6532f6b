//! The reference page of conditions and events, made from the reasons that the operator can tell. No I/O.

use sparkconnect_api::Reason;
use sparkconnect_api::condition::TYPES;
use sparkconnect_api::reason::{Kind, Told};

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Conditions and events\n\n\
         What the operator tells of a resource: `kubectl describe` shows both. A condition has a type, a status (`True`, `False` or\n\
         `Unknown`), a reason, which is one word for programs, and a message, which is a sentence for people. The reasons are the words below, and no\n\
         others. A condition that takes on a reason is told as an event too where the table says so, once per change, under the same reason and with\n\
         the same message; `Warning` means that a person should look.\n",
    );
    for (kind, name) in [
        (Kind::Server, "SparkConnectServer"),
        (Kind::Session, "SparkSession"),
    ] {
        page.push_str(&format!("\n## {name}\n"));
        page.push_str(&types(kind));
        page.push_str(&reasons(kind));
    }
    page
}

/// The condition types that some reason of the kind is told on.
fn types(kind: Kind) -> String {
    let is_told = |type_: &str| {
        let mut places = of(kind).flat_map(Reason::places);
        places.any(|(told, _)| *told == type_)
    };
    let mut text = String::from("\n### Conditions\n\n| Condition | When |\n|---|---|\n");
    for (type_, meaning) in TYPES.iter().filter(|(type_, _)| is_told(type_)) {
        text.push_str(&format!("| `{type_}` | {} |\n", meaning.trim()));
    }
    text
}

fn reasons(kind: Kind) -> String {
    let mut text = String::from(
        "\n### Reasons\n\n\
         | Reason | On | Event | Meaning | What to do |\n|---|---|---|---|---|\n",
    );
    for reason in of(kind) {
        let places: Vec<String> = reason
            .places()
            .iter()
            .map(|(type_, status)| format!("{type_}={status}"))
            .collect();
        let event = match reason.told() {
            Told::No => "",
            Told::Normal => "Normal",
            Told::Warning => "Warning",
        };
        let (name, on) = (reason.name(), places.join("<br>"));
        let (meaning, cure) = (reason.meaning(), reason.cure());
        text.push_str(&format!(
            "| `{name}` | {on} | {event} | {meaning} | {cure} |\n"
        ));
    }
    text
}

fn of(kind: Kind) -> impl Iterator<Item = Reason> {
    Reason::ALL
        .iter()
        .copied()
        .filter(move |reason| reason.kind() == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_line_and_every_condition_is_explained() {
        let page = page();
        for reason in Reason::ALL {
            assert!(page.contains(&format!("\n| `{}` |", reason.name())));
        }
        for (type_, _) in TYPES {
            assert!(page.contains(&format!("\n| `{type_}` |")), "{type_}");
        }
    }
}
