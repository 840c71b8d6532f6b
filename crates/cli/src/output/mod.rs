//! The forms in which data is printed, the same for every verb: a table for people, JSON or YAML of the whole, names. Pure.

pub(crate) mod age;
pub(crate) mod bytes;
pub(crate) mod description;
pub(crate) mod table;

use clap::{Args, ValueEnum};
use serde::Serialize;
use sparkconnect_client::{Category, Error};

/// Forms of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListForm {
    /// The table with more columns
    Wide,
    /// All that is known, as JSON
    Json,
    /// All that is known, as YAML
    Yaml,
    /// Only names, one a line
    Name,
}

/// Forms of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// All that is known, as JSON
    Json,
    /// All that is known, as YAML
    Yaml,
    /// Only its name
    Name,
}

/// How a list is printed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ListOutput {
    /// Print this form instead of the table.
    #[arg(short = 'o', long = "output", value_name = "FORM")]
    pub(crate) form: Option<ListForm>,

    /// Leave out the table's first line.
    #[arg(long)]
    pub(crate) no_headers: bool,
}

/// How one thing is printed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Print this form instead of a text for people.
    #[arg(short = 'o', long = "output", value_name = "FORM")]
    pub(crate) form: Option<Form>,
}

/// A whole as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(unprintable)
}

/// A whole as YAML.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Error> {
    serde_yaml::to_string(value).map_err(unprintable)
}

fn unprintable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Category::Protocol, "the answer cannot be printed").caused_by(error)
}
