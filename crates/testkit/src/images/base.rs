//! The images that all others stand on, made of Debian packages by mmdebstrap. They stay in buildah's storage.

use std::path::Path;
use std::process::Command;

use super::store::{Build, Store};
use crate::error::{Context, Result};
use crate::{cache, command, progress};

/// Debian's release: glibc 2.36, Java 17, Python 3.11.
const RELEASE: &str = "bookworm";

const DOCKERFILE: &str = "FROM scratch\nADD root.tar /\n";

/// A minimal Debian.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    /// Its name among images.
    pub(super) name: &'static str,
    /// mmdebstrap's variant: `extract` unpacks the packages, `minbase` is a system with a package manager.
    pub(super) variant: &'static str,
    /// Debian packages, separated by commas.
    pub(super) packages: &'static str,
}

impl Base {
    /// The image's name, whose tag is made of its content's description.
    pub(super) fn image(&self) -> String {
        let parts = [RELEASE, self.variant, self.packages, DOCKERFILE].map(str::as_bytes);
        format!("localhost/sparkconnect/{}:{}", self.name, cache::key(parts))
    }

    /// The image, built unless it is there.
    pub(super) fn ensure(&self, store: &Store) -> Result<String> {
        let image = self.image();
        store.ensure(&image, || {
            progress::step(&format!("Making the base {}", self.name), || {
                self.make(store, &image)
            })
        })?;
        Ok(image)
    }

    fn make(&self, store: &Store, image: &str) -> Result<()> {
        let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        self.bootstrap(&folder.path().join("root.tar"))?;
        let dockerfile = folder.path().join("Dockerfile");
        std::fs::write(&dockerfile, DOCKERFILE)
            .context(|| format!("writing {}", dockerfile.display()))?;
        let build = Build {
            dockerfile: &dockerfile,
            context: folder.path(),
            arguments: &[],
        };
        store.build(image, &build)
    }

    fn bootstrap(&self, tar: &Path) -> Result<()> {
        let mut command = Command::new("mmdebstrap");
        command.arg(format!("--variant={}", self.variant));
        command.arg(format!("--include={}", self.packages));
        // The manual's folders must exist: the Java packages put links there.
        for path in [
            "/usr/share/doc/*",
            "/usr/share/locale/*",
            "/usr/share/man/*/*",
        ] {
            command.arg(format!("--dpkgopt=path-exclude={path}"));
        }
        command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
        command::output(command.arg(RELEASE).arg(tar))
            .map(drop)
            .map_err(|error| {
                error.hint("needs root and the Debian archive, reached as /etc/apt says")
            })
    }
}
