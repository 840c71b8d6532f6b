//! The images that all others stand on, made of Debian packages by mmdebstrap. They stay in buildah's storage.

use std::path::Path;
use std::process::Command;

use super::store::{Build, Store};
use crate::error::{Context, Result};
use crate::{cache, command, progress};

/// Debian's release: glibc 2.36, Java 17, Python 3.11.
const RELEASE: &str = "bookworm";

const DOCKERFILE: &str = "FROM scratch\nADD root.tar /\n";

/// Packs a [`Form::Bare`] base.
const PACK: &str = include_str!("bare.sh");

/// What no image needs of its packages. The manual's folders must exist: the Java packages put links there.
const LEFT_OUT: [&str; 4] = [
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*/*",
    "path-include=/usr/share/doc/*/copyright",
];

/// What a [`Form::Bare`] base has beside libraries: licences, and what [`PACK`] makes the roots of certificate authorities of. No
/// program here converts character sets.
const LEFT_OUT_BARE: [&str; 6] = [
    "path-exclude=/usr/share/*",
    "path-include=/usr/share/ca-certificates/*",
    "path-include=/usr/share/common-licenses/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-include=/usr/share/doc/libgcc-s1",
    "path-exclude=/usr/lib/*/gconv/*",
];

/// A minimal Debian.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    /// Its name among images.
    pub(super) name: &'static str,
    /// How much of a system it is.
    pub(super) form: Form,
    /// Debian packages, separated by commas.
    pub(super) packages: &'static str,
}

/// How much of a system a base is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The named packages' files and nothing else: no shell, no package manager.
    Bare,
    /// A system with a package manager, and what the named packages depend on.
    System,
}

impl Form {
    /// mmdebstrap's name for it.
    const fn variant(self) -> &'static str {
        match self {
            Self::Bare => "extract",
            Self::System => "minbase",
        }
    }
}

impl Base {
    /// The image's name, whose tag is made of its content's description.
    pub(super) fn image(&self) -> String {
        let mut parts = vec![RELEASE, self.form.variant(), self.packages, DOCKERFILE];
        if self.form == Form::Bare {
            parts.extend(LEFT_OUT_BARE.into_iter().chain([PACK]));
        }
        let key = cache::key(parts.into_iter().map(str::as_bytes));
        format!("localhost/sparkconnect/{}:{key}", self.name)
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
        self.bootstrap(folder.path())?;
        let dockerfile = folder.path().join("Dockerfile");
        std::fs::write(&dockerfile, DOCKERFILE)
            .context(|| format!("writing {}", dockerfile.display()))?;
        let timestamp = match self.form {
            Form::Bare => Some(0),
            // Java's class-data archive goes by the times of files.
            Form::System => None,
        };
        store.build(
            image,
            &Build {
                timestamp,
                ..Build::new(&dockerfile, folder.path())
            },
        )
    }

    /// Makes `root.tar` in `folder`.
    fn bootstrap(&self, folder: &Path) -> Result<()> {
        let tar = folder.join("root.tar");
        let mut command = Command::new("mmdebstrap");
        command.arg(format!("--variant={}", self.form.variant()));
        command.arg(format!("--include={}", self.packages));
        match self.form {
            Form::Bare => self.bare(&mut command, folder, &tar)?,
            Form::System => {
                command.args(LEFT_OUT.map(|option| format!("--dpkgopt={option}")));
                command.arg(RELEASE).arg(&tar);
            }
        }
        command::output(&mut command).map(drop).map_err(|error| {
            error.hint("needs root and the Debian archive, reached as /etc/apt says")
        })
    }

    fn bare(&self, command: &mut Command, folder: &Path, tar: &Path) -> Result<()> {
        let pack = folder.join("pack.sh");
        std::fs::write(&pack, PACK).context(|| format!("writing {}", pack.display()))?;
        let hook = format!(
            "sh {} \"$1\" {} {}",
            pack.display(),
            self.packages,
            tar.display()
        );
        command.arg("--format=null");
        command.args(LEFT_OUT_BARE.map(|option| format!("--dpkgopt={option}")));
        command.arg(format!("--extract-hook={hook}")).arg(RELEASE);
        Ok(())
    }
}
