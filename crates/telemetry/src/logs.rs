//! Structured logs on standard error: text for people, JSON for collectors. With traces, a line says which one it belongs to.

use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::{Json, JsonFields, Writer, format, json};
use tracing_subscriber::fmt::{self as lines, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::{EnvFilter, Layer};

use crate::traces::Traces;

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

/// Starts logging for the whole process, and `traces` where there are some. `RUST_LOG`, where it is set and not empty, takes the
/// place of `filter`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn init(format: LogFormat, filter: &str, traces: Option<&Traces>) -> Result<(), Error> {
    let variable = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let filter = if variable.is_empty() {
        filter
    } else {
        &variable
    };
    let subscriber = subscriber(format, filter, std::io::stderr, traces)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(())
}

fn subscriber<W>(
    form: LogFormat,
    filter: &str,
    writer: W,
    traces: Option<&Traces>,
) -> Result<Box<dyn Subscriber + Send + Sync>, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let lines = lines::layer().with_writer(writer).with_ansi(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match form {
        LogFormat::Text => Box::new(lines.event_format(Traced(format()))),
        LogFormat::Json => Box::new(
            lines
                .fmt_fields(JsonFields::new())
                .event_format(Traced(one_object())),
        ),
    };
    // The filter is of the lines alone where there are traces: what is not logged is traced all the same.
    Ok(match traces {
        None => Box::new(Registry::default().with(lines).with(filter)),
        Some(traces) => Box::new(
            Registry::default()
                .with(lines.with_filter(filter))
                .with(traces.layer()),
        ),
    })
}

fn one_object() -> lines::format::Format<Json> {
    json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
}

/// Adds the ids of the trace and the span to what another format writes, under the names that OpenTelemetry has for them.
struct Traced<F>(F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let current = Context::map_current(|current| current.span().span_context().clone());
        if !current.is_valid() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let (line, trace, span) = (line.trim_end(), current.trace_id(), current.span_id());
        match line.strip_prefix('{') {
            Some(rest) => writeln!(
                writer,
                r#"{{"trace_id":"{trace}","span_id":"{span}",{rest}"#
            ),
            None => writeln!(writer, "{line} trace_id={trace} span_id={span}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::traces::TraceSettings;

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

    fn written(form: LogFormat, traces: Option<&Traces>) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(form, "info", move || writer.clone(), traces).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(target: "sparkconnect", "reconcile", namespace = "team", name = "pool");
            let _entered = span.enter();
            tracing::info!(replicas = 3, "replica is ready");
            tracing::debug!("not shown");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_has_one_object_a_line_with_the_fields_at_the_top() {
        let text = written(LogFormat::Json, None);
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
        let text = written(LogFormat::Text, None);
        assert!(text.contains("replica is ready replicas=3"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    /// The subscriber that the program has where a collector is named, or none.
    fn traced(collector: &str) -> (Option<Traces>, Box<dyn Subscriber + Send + Sync>) {
        let settings = TraceSettings {
            otlp_endpoint: Some(collector.to_owned()),
            trace_sample_ratio: 1.0,
        };
        let traces = Traces::start("test", &settings).unwrap();
        let subscriber = subscriber(LogFormat::Json, "info", std::io::sink, traces.as_ref());
        (traces, subscriber.unwrap())
    }

    #[tokio::test]
    async fn without_traces_a_span_is_not_even_made() {
        for (collector, made) in [("", false), ("http://127.0.0.1:1", true)] {
            let (traces, subscriber) = traced(collector);
            assert_eq!(traces.is_some(), made);
            tracing::subscriber::with_default(subscriber, || {
                let own = tracing::debug_span!(target: "sparkconnect_gateway::record", "call");
                assert_eq!(!own.is_disabled(), made);
                let of_others = tracing::debug_span!(target: "h2", "frame");
                assert!(of_others.is_disabled());
            });
        }
    }

    #[tokio::test]
    async fn a_line_within_a_trace_says_which() {
        let (traces, _) = traced("http://127.0.0.1:1");
        let json = written(LogFormat::Json, traces.as_ref());
        let ids = json.strip_prefix(r#"{"trace_id":""#).expect(&json);
        let (trace, rest) = ids.split_at(32);
        assert!(trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{json}");
        assert!(rest.starts_with(r#"","span_id":""#), "{json}");
        assert!(rest.contains(r#","message":"replica is ready","#), "{json}");
        let text = written(LogFormat::Text, traces.as_ref());
        assert!(text.contains("replicas=3 trace_id="), "{text}");
        assert_eq!((json.lines().count(), text.lines().count()), (1, 1));
    }

    #[test]
    fn a_wrong_filter_or_format_is_refused_with_what_to_write() {
        let Err(error) = subscriber(LogFormat::Text, "info,=", std::io::sink, None) else {
            panic!("the filter was taken");
        };
        assert!(error.to_string().contains("write it like"), "{error}");
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        let error = "xml".parse::<LogFormat>().unwrap_err().to_string();
        assert!(error.contains("text or json"), "{error}");
    }
}
