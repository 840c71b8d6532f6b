//! Structured logs on standard error: text for people, JSON for collectors.

use std::str::FromStr;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

/// Environment variable whose filter takes the place of the one given to [`init`].
pub const FILTER_VARIABLE: &str = EnvFilter::DEFAULT_ENV;

/// Form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, an event's fields at the top and the innermost span's under `span`.
    Json,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error(
        "the log filter `{filter}` cannot be read: write it like `info,sparkconnect_operator=debug`"
    )]
    Filter {
        /// The filter as it was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Another subscriber was set before.
    #[error("logging was started before")]
    Started(#[from] SetGlobalDefaultError),
    /// Not a format.
    #[error("`{0}` is not a log format: write text or json")]
    Format(String),
}

impl FromStr for LogFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Error::Format(text.to_owned())),
        }
    }
}

/// Starts logging for the whole process. `RUST_LOG`, where it is set and not empty, takes the place of `filter`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), Error> {
    let variable = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let filter = if variable.is_empty() {
        filter
    } else {
        &variable
    };
    let subscriber = subscriber(format, filter, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(())
}

fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    Ok(match format {
        LogFormat::Text => Box::new(builder.with_ansi(false).finish()),
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .finish(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, "info", move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("reconcile", namespace = "team", name = "pool");
            let _entered = span.enter();
            tracing::info!(replicas = 3, "replica is ready");
            tracing::debug!("not shown");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_has_one_object_a_line_with_the_fields_at_the_top() {
        let text = written(LogFormat::Json);
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in [
            r#""level":"INFO""#,
            r#","message":"replica is ready","#,
            r#""replicas":3"#,
            r#""span":{"name":"#,
            r#""namespace":"team""#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains(r#""fields""#), "{text}");
    }

    #[test]
    fn text_is_for_people() {
        let text = written(LogFormat::Text);
        assert!(text.contains("replica is ready replicas=3"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_wrong_filter_or_format_is_refused_with_what_to_write() {
        let Err(error) = subscriber(LogFormat::Text, "info,=", std::io::sink) else {
            panic!("the filter was taken");
        };
        assert!(error.to_string().contains("write it like"), "{error}");
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        let error = "xml".parse::<LogFormat>().unwrap_err().to_string();
        assert!(error.contains("text or json"), "{error}");
    }
}
