//! A whole run: every proxy that is asked for, one at a time, round after round. Does I/O.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http::HeaderValue;
use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::{Result, progress};

use crate::backend::Backend;
use crate::client::Target;
use crate::frames::Requests;
use crate::gateway::{self, Resources};
use crate::measure::Subject;
use crate::peers;
use crate::place::{self, LOAD_CORE, PROXY_CORE, Place};
use crate::proxy::{Name, Proxy};
use crate::shape::{Column, Shape};
use crate::table::Table;
use crate::usage::Tree;

/// Points by which a core may be busier than what it is there for.
const QUIET: f64 = 10.0;
/// Tries of one measurement, until it is quiet.
const TRIES: usize = 3;

/// What to measure.
#[derive(Args, Debug)]
pub struct Options {
    /// Rounds, each with every proxy.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of each measurement, after two to warm up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only these proxies, in place of all of them; several are separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Name>,
    /// Only these shapes of traffic, in place of all of them.
    #[arg(long, value_enum, value_delimiter = ',')]
    shape: Vec<Shape>,
}

/// A run that can begin.
#[derive(Debug)]
pub struct Run {
    place: Place,
    proxies: Vec<Proxy>,
    resources: Option<Resources>,
    shapes: Vec<Shape>,
    rounds: u32,
    time: Duration,
}

/// A proxy at one of its addresses.
struct Row<'a> {
    name: String,
    proxy: &'a Proxy,
    tls: bool,
}

impl Run {
    /// Installs, builds and starts what the run needs; `own` is this program.
    ///
    /// # Errors
    /// When something of it cannot be had.
    pub fn prepare(options: &Options, own: &Path) -> Result<Self> {
        place::raise_files()?;
        let place = Place::new()?;
        let (mut proxies, mut resources) = (Vec::new(), None);
        for name in all_or(&options.only) {
            proxies.push(match name {
                Name::Ours => {
                    let program =
                        progress::step("Building the gateway", || gateway::build("release"))?;
                    let started =
                        progress::step("Starting an API server", || Resources::start_aside(&place));
                    resources.insert(started?).gateway(&place, &program)?
                }
                Name::Floor => peers::floor(&place, own.to_owned())?,
                Name::Envoy => peers::envoy(&place)?,
                Name::Haproxy => peers::haproxy(&place)?,
                Name::Nginx => peers::nginx(&place)?,
                Name::Nghttpx => peers::nghttpx(&place)?,
            });
        }
        Ok(Self {
            place,
            proxies,
            resources,
            shapes: all_or(&options.shape),
            rounds: options.rounds,
            time: Duration::from_secs(options.seconds),
        })
    }

    /// Measures everything.
    ///
    /// # Errors
    /// When a proxy does not do what is asked of it.
    pub async fn measure(&self) -> Result<Table> {
        place::stay_on(LOAD_CORE)?;
        let backend = Backend::start(self.place.backend()).await?;
        let mut table = Table::default();
        for round in 1..=self.rounds {
            progress::note(&format!("round {round} of {}", self.rounds));
            for row in self.rows() {
                self.row(&row, &backend, &mut table).await?;
            }
        }
        Ok(table)
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let of = |proxy| [true, false].map(|tls| Row::new(proxy, tls));
        let all = self.proxies.iter().flat_map(of);
        all.filter(|row| row.tls || row.proxy.plain)
    }

    async fn row(&self, row: &Row<'_>, backend: &Backend, table: &mut Table) -> Result<()> {
        let target = self.target(row)?;
        let mut proxy = place::on_core(PROXY_CORE, || row.proxy.start())?;
        proxy.ready(&target).await?;
        let own = i32::try_from(std::process::id()).expect("a process's number fits");
        let subject = Subject {
            target,
            proxy: proxy.tree(),
            load: Tree::of_one(own),
            asked: backend.received(),
        };
        table.add(&row.name, Column::Base, subject.memory().await? / 1e6);
        for &shape in &self.shapes {
            let measured = self.shape(&row.name, shape, &subject, table).await;
            // Another proxy that fails is noted, and the others are measured all the same.
            if let Err(error) = measured {
                if matches!(row.proxy.name, Name::Ours | Name::Floor) {
                    return Err(error);
                }
                progress::note(&format!("{}, {shape:?}: {error}", row.name));
                table.fail(&row.name, &format!("{shape:?}"), &error);
            }
        }
        Ok(())
    }

    async fn shape(
        &self,
        row: &str,
        shape: Shape,
        subject: &Subject,
        table: &mut Table,
    ) -> Result<()> {
        let Some(traffic) = shape.traffic() else {
            table.add(row, Column::Idle, subject.idle().await? / 1024.0);
            return Ok(());
        };
        let mut figures = vec![];
        for _ in 0..TRIES {
            let reading = subject.busy(traffic, self.time).await?;
            figures = shape.figures(&reading);
            let noise = reading.noise();
            let quiet = noise <= QUIET;
            let verdict = if quiet { "" } else { ", dropped" };
            let told: Vec<String> = figures.iter().map(told).collect();
            progress::note(&format!(
                "{row}: {}; cores {:.0} % and {:.0} % busy, {noise:.0} points with others{verdict}",
                told.join(", "),
                100.0 * reading.busy[0],
                100.0 * reading.busy[1],
            ));
            if quiet {
                for (column, figure) in figures {
                    table.add(row, column, figure);
                }
                return Ok(());
            }
        }
        for (column, _) in figures {
            table.drop_round(row, column);
        }
        Ok(())
    }

    fn target(&self, row: &Row<'_>) -> Result<Target> {
        let token = self
            .resources
            .as_ref()
            .map_or("of-nobody", Resources::token);
        target(&self.place, row.tls, token)
    }
}

impl<'a> Row<'a> {
    fn new(proxy: &'a Proxy, tls: bool) -> Self {
        let name = format!("{} {}", proxy.label, if tls { "TLS" } else { "plain" });
        Self { name, proxy, tls }
    }
}

/// The session of [`gateway`], called through the proxy at `place` with `token`.
///
/// # Errors
/// When the token cannot stand in a header.
pub fn target(place: &Place, tls: bool, token: &str) -> Result<Target> {
    let authorization = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut authorization = authorization.context(|| "writing a header".to_owned())?;
    authorization.set_sensitive(true);
    Ok(Target {
        address: if tls { place.tls() } else { place.plain() },
        tls: tls.then(|| place.connector()),
        authorization,
        requests: Arc::new(Requests::new(gateway::SESSION)),
        received: Arc::default(),
    })
}

fn told((column, figure): &(Column, f64)) -> String {
    format!("{} {figure:.1}", column.head())
}

fn all_or<T: ValueEnum + Clone + Ord>(some: &[T]) -> Vec<T> {
    if some.is_empty() {
        return T::value_variants().to_vec();
    }
    let mut some = some.to_vec();
    some.sort();
    some.dedup();
    some
}
