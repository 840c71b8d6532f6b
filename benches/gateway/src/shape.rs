//! What is measured: each shape of traffic, and the columns of the table that it fills. Pure.

use std::time::Duration;

use clap::ValueEnum;

use crate::frames::Method;
use crate::load::Traffic;

/// Connections that do nothing.
pub const IDLE: usize = 1000;

/// One shape of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Shape {
    /// Connections that have made one call each and rest.
    Idle,
    /// Small calls, 64 under way: four connections with 16 each.
    Unary,
    /// Small calls, one under way.
    Latency,
    /// Results of four messages of 4 MiB, one call under way.
    Stream,
    /// The same with four calls under way on one connection.
    Streams,
    /// Uploads of 512 chunks of 32 KiB, one under way.
    Upload,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// CPU of one small call.
    Unary,
    /// CPU of a stream of results.
    Stream,
    /// CPU of four at a time.
    Streams,
    /// CPU of an upload.
    Upload,
    /// Memory of a connection at rest.
    Idle,
    /// Memory after the first call.
    Base,
    /// Median time of a small call.
    P50,
    /// Time that 99 of 100 small calls do not exceed.
    P99,
}

impl Column {
    /// Every column, from left to right.
    pub const ALL: [Self; 8] = [
        Self::Unary,
        Self::Stream,
        Self::Streams,
        Self::Upload,
        Self::Idle,
        Self::Base,
        Self::P50,
        Self::P99,
    ];

    /// Its head.
    pub const fn head(self) -> &'static str {
        match self {
            Self::Unary => "unary, CPU µs/call",
            Self::Stream => "result stream, CPU ms/GiB",
            Self::Streams => "4 result streams, CPU ms/GiB",
            Self::Upload => "upload, CPU ms/GiB",
            Self::Idle => "idle connection, KiB",
            Self::Base => "memory, MB",
            Self::P50 => "p50, µs",
            Self::P99 => "p99, µs",
        }
    }
}

impl Shape {
    /// What is called; nothing for connections at rest.
    pub const fn traffic(self) -> Option<Traffic> {
        let (method, connections, calls) = match self {
            Self::Idle => return None,
            Self::Unary => (Method::Config, 4, 16),
            Self::Latency => (Method::Config, 1, 1),
            Self::Stream => (Method::ExecutePlan, 1, 1),
            Self::Streams => (Method::ExecutePlan, 1, 4),
            Self::Upload => (Method::AddArtifacts, 1, 1),
        };
        Some(Traffic {
            method,
            connections,
            calls,
        })
    }

    /// The figures that a reading of this shape gives.
    pub fn figures(self, reading: &Reading) -> Vec<(Column, f64)> {
        let per_gibibyte = |bytes: u64| {
            let gibibytes = bytes as f64 / f64::from(1 << 30);
            reading.cpu.as_secs_f64() * 1e3 / gibibytes
        };
        match self {
            Self::Idle => vec![],
            Self::Unary => {
                let calls = reading.times.len() as f64;
                vec![(Column::Unary, reading.cpu.as_secs_f64() * 1e6 / calls)]
            }
            Self::Latency => {
                let at = |percent| percentile(&reading.times, percent).as_secs_f64() * 1e6;
                vec![(Column::P50, at(50)), (Column::P99, at(99))]
            }
            Self::Stream => vec![(Column::Stream, per_gibibyte(reading.answered))],
            Self::Streams => vec![(Column::Streams, per_gibibyte(reading.answered))],
            Self::Upload => vec![(Column::Upload, per_gibibyte(reading.asked))],
        }
    }
}

/// What was seen in one stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its length.
    pub time: Duration,
    /// CPU time of the proxy.
    pub cpu: Duration,
    /// CPU time of the load and the backend.
    pub load: Duration,
    /// Shares of the time in which the core of the proxy and that of the load were busy.
    pub busy: [f64; 2],
    /// How long each call took, in rising order; those that ended within the time.
    pub times: Vec<Duration>,
    /// Bytes of requests that reached the backend.
    pub asked: u64,
    /// Bytes of answers that reached the load.
    pub answered: u64,
}

impl Reading {
    /// By how many points a core was busier than what it is there for: somebody else was on it.
    pub fn noise(&self) -> f64 {
        let share = |cpu: Duration| cpu.as_secs_f64() / self.time.as_secs_f64();
        let others = [
            self.busy[0] - share(self.cpu),
            self.busy[1] - share(self.load),
        ];
        100.0 * others[0].max(others[1])
    }
}

/// The smallest of `sorted` that `percent` of them do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            time: Duration::from_secs(2),
            cpu: Duration::from_secs(1),
            load: Duration::from_millis(1900),
            busy: [0.62, 0.96],
            times: (1..=100).map(Duration::from_micros).collect(),
            asked: 1 << 31,
            answered: 1 << 29,
        }
    }

    #[test]
    fn figures_are_per_call_and_per_gibibyte() {
        let figures = |shape: Shape| shape.figures(&reading());
        assert_eq!(figures(Shape::Unary), [(Column::Unary, 10_000.0)]);
        assert_eq!(figures(Shape::Stream), [(Column::Stream, 2000.0)]);
        assert_eq!(figures(Shape::Upload), [(Column::Upload, 500.0)]);
        let times = figures(Shape::Latency).into_iter();
        let times: Vec<_> = times.map(|(column, time)| (column, time.round())).collect();
        assert_eq!(times, [(Column::P50, 50.0), (Column::P99, 99.0)]);
    }

    #[test]
    fn noise_is_what_others_did_on_the_worse_core() {
        let mut reading = reading();
        assert!((reading.noise() - 12.0).abs() < 1e-6, "{}", reading.noise());
        reading.busy[1] = 1.0;
        reading.load = Duration::from_secs(1);
        assert!((reading.noise() - 50.0).abs() < 1e-6, "{}", reading.noise());
    }
}
