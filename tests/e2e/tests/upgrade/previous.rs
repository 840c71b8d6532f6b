//! The version before this one, from the repository's history: its chart, and its images. Runs git and cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sparkconnect_testkit::error::Context;
use sparkconnect_testkit::images::of_sources;
use sparkconnect_testkit::install::{Images, repository};
use sparkconnect_testkit::{Result, cache, command, progress};

/// The first that has a chart, of which the definitions are other than now.
const COMMIT: &str = "bf24852816736b03441a426ed9274f11b53d26f2";

const PROGRAMS: [&str; 2] = ["operator", "gateway"];

/// The previous version.
pub(crate) struct Previous {
    /// Its chart's folder.
    pub(crate) chart: PathBuf,
    /// Its images' archives, to be loaded.
    pub(crate) archives: [PathBuf; 2],
    /// The names of its images; Spark's are this version's, which are no part of an installation.
    pub(crate) images: Images,
}

impl Previous {
    /// Builds it, where the cache does not have it; `present` says what Spark's images are.
    pub(crate) fn build(present: &Images) -> Result<Self> {
        let sources = sources()?;
        let place = archives(&sources)?;
        let name = |program: &str| {
            let file = place.join(program).with_extension("name");
            fs::read_to_string(&file).context(|| format!("reading {}", file.display()))
        };
        Ok(Self {
            chart: sources.join("charts/sparkconnect"),
            images: Images {
                operator: name(PROGRAMS[0])?,
                gateway: name(PROGRAMS[1])?,
                spark: present.spark.clone(),
            },
            archives: PROGRAMS.map(|program| place.join(program).with_extension("tar")),
        })
    }
}

/// The folder of its images: each as an archive, with its name beside it.
fn archives(sources: &Path) -> Result<PathBuf> {
    let what = "Building the images of the previous version (once; some minutes on two cores)";
    cache::ensure("previous-images", COMMIT, |place| {
        let built = progress::step(what, || of_sources(sources))?;
        for (program, image) in PROGRAMS.into_iter().zip(built) {
            let file = place.join(program);
            fs::copy(&image.archive, file.with_extension("tar"))
                .and_then(|_| fs::write(file.with_extension("name"), &image.name))
                .context(|| format!("writing {}", file.display()))?;
        }
        Ok(())
    })
}

/// Its sources, as git has them.
fn sources() -> Result<PathBuf> {
    cache::ensure("previous", COMMIT, |place| {
        let archive = place.join("sources.tar");
        let mut git = Command::new("git");
        git.current_dir(repository())
            .args(["archive", "--format=tar", "--output"])
            .arg(&archive)
            .arg(COMMIT);
        command::output(&mut git).map_err(|error| {
            error.hint("the test needs the repository's history: `git fetch --unshallow`")
        })?;
        let mut tar = Command::new("tar");
        tar.arg("-xf").arg(&archive).arg("-C").arg(place);
        command::output(&mut tar).map(drop)
    })
}
