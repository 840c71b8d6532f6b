//! buildah with a storage of its own in the cache. Nothing is ever pulled. Programs in a container are confined by chroot only,
//! which works where namespaces and control groups can't be had.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::{cache, command};

/// buildah's storage.
#[derive(Debug, Clone)]
pub(super) struct Store {
    root: PathBuf,
}

/// What to build.
pub(super) struct Build<'a> {
    /// The Dockerfile.
    pub(super) dockerfile: &'a Path,
    /// The folder that it copies from.
    pub(super) context: &'a Path,
    /// `ARG` names and values.
    pub(super) arguments: &'a [(&'a str, &'a str)],
    /// The stage that is wanted; the last when absent.
    pub(super) target: Option<&'a str>,
    /// Folders in the place of stages.
    pub(super) contexts: &'a [(&'a str, &'a Path)],
    /// Folders of this machine that the build's commands see, and where.
    pub(super) volumes: &'a [(&'a Path, &'a str)],
    /// When the image is said to be made, in seconds since 1970, files included. The same content is then the same image.
    pub(super) timestamp: Option<u64>,
}

impl<'a> Build<'a> {
    /// The whole of a Dockerfile as it stands.
    pub(super) fn new(dockerfile: &'a Path, context: &'a Path) -> Self {
        Self {
            dockerfile,
            context,
            arguments: &[],
            target: None,
            contexts: &[],
            volumes: &[],
            timestamp: None,
        }
    }
}

impl Store {
    pub(super) fn open() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::new("images can be built by root only")
                .hint("run this as root, or in a container of which you are root"));
        }
        let root = cache::root().join("buildah");
        std::fs::create_dir_all(&root).context(|| format!("making {}", root.display()))?;
        Ok(Self { root })
    }

    /// Whether there is an image of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        command::succeeds(self.buildah(&["inspect", "--type", "image"]).arg(name))
    }

    /// Builds an image under `name`; its output goes to a log of that name in the storage's folder.
    pub(super) fn build(&self, name: &str, build: &Build<'_>) -> Result<()> {
        let mut command =
            self.buildah(&["build", "--pull-never", "--quiet", "--tag", name, "--file"]);
        command.arg(build.dockerfile);
        // buildah does not look for it where Docker does.
        let ignored = build.dockerfile.with_extension("Dockerfile.dockerignore");
        if ignored.exists() {
            command.arg("--ignorefile").arg(ignored);
        }
        for (key, value) in build.arguments {
            command.arg("--build-arg").arg(format!("{key}={value}"));
        }
        for (stage, folder) in build.contexts {
            command.arg("--build-context");
            command.arg(format!("{stage}={}", folder.display()));
        }
        for (folder, place) in build.volumes {
            command.arg("--volume");
            command.arg(format!("{}:{place}:ro", folder.display()));
        }
        if let Some(stage) = build.target {
            command.args(["--target", stage]);
        }
        if let Some(seconds) = build.timestamp {
            // Neither the tool's version nor how the stages were made is part of what the image is.
            command.args(["--identity-label=false", "--omit-history"]);
            command.arg(format!("--timestamp={seconds}"));
        }
        command::logged(command.arg(build.context), &self.file(name, "log"))
    }

    /// Builds the image `name` unless it is there, once however many processes ask for it.
    pub(super) fn ensure(&self, name: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let _lock = cache::lock(&self.file(name, "lock"))?;
        if self.has(name) { Ok(()) } else { make() }
    }

    /// Writes the image to a docker archive.
    pub(super) fn push(&self, name: &str, archive: &Path) -> Result<()> {
        let target = format!("docker-archive:{}:{name}", archive.display());
        command::output(self.buildah(&["push", "--quiet", name]).arg(target)).map(drop)
    }

    /// Writes the image to an OCI layout in `folder`, with `tag` for its name there.
    pub(super) fn push_layout(&self, name: &str, folder: &Path, tag: &str) -> Result<()> {
        let target = format!("oci:{}:{tag}", folder.display());
        command::output(self.buildah(&["push", "--quiet", name]).arg(target)).map(drop)
    }

    /// Forgets an image; what other images share stays.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        command::output(&mut self.buildah(&["rmi", name])).map(drop)
    }

    /// A container of the image in `archive`, whose form is `transport` in the words of buildah; with it go the images of `names`.
    pub(super) fn container(
        &self,
        transport: &str,
        archive: &Path,
        names: Vec<String>,
    ) -> Result<Container> {
        let source = format!("{transport}:{}", archive.display());
        let image = command::output(self.buildah(&["pull", "--quiet"]).arg(source))?;
        let id = command::output(&mut self.buildah(&["from", "--pull-never", &image]))?;
        Ok(Container {
            store: self.clone(),
            id,
            names: if names.is_empty() { vec![image] } else { names },
        })
    }

    /// A container of the image `name`, which goes with it.
    pub(super) fn container_of(&self, name: &str) -> Result<Container> {
        let id = command::output(&mut self.buildah(&["from", "--pull-never", name]))?;
        Ok(Container {
            store: self.clone(),
            id,
            names: vec![name.to_owned()],
        })
    }

    fn file(&self, image: &str, extension: &str) -> PathBuf {
        self.root
            .join(format!("{}.{extension}", image.replace(['/', ':'], "_")))
    }

    fn buildah(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        command
            .env("BUILDAH_ISOLATION", "chroot")
            .arg("--storage-driver=overlay");
        command.arg("--root").arg(self.root.join("root"));
        command.arg("--runroot").arg(self.root.join("run"));
        command.args(arguments);
        command
    }
}

/// A container in which programs can run; gone, with its files, when dropped.
#[derive(Debug)]
pub struct Container {
    store: Store,
    id: String,
    names: Vec<String>,
}

impl Container {
    /// A command that runs `words` in the container as the image's user and with its environment, but without its entry point.
    /// The network is the machine's.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.store.buildah(&["run", &self.id, "--"]);
        command.args(words);
        command
    }

    /// Copies a file of the machine to `place` in the container.
    ///
    /// # Errors
    /// When `file` cannot be read.
    pub fn copy(&self, file: &Path, place: &str) -> Result<()> {
        let mut command = self.store.buildah(&["copy", "--quiet", &self.id]);
        command::output(command.arg(file).arg(place)).map(drop)
    }

    /// Where this machine sees the container's files, until it is dropped.
    ///
    /// # Errors
    /// When they cannot be mounted.
    pub fn root(&self) -> Result<PathBuf> {
        command::output(&mut self.store.buildah(&["mount", &self.id])).map(PathBuf::from)
    }

    /// The image's configuration as the OCI image specification describes it, its field `config`.
    ///
    /// # Errors
    /// When buildah's answer is not JSON.
    pub fn config(&self) -> Result<serde_json::Value> {
        let text = command::output(&mut self.store.buildah(&["inspect", &self.id]))?;
        let mut value: serde_json::Value =
            serde_json::from_str(&text).context(|| "reading buildah's answer".to_owned())?;
        Ok(value["OCIv1"]["config"].take())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        command::succeeds(&mut self.store.buildah(&["umount", &self.id]));
        command::succeeds(&mut self.store.buildah(&["rm", &self.id]));
        // Refused while another container of the same image is there, whose end then removes the image. Nothing can be done about
        // another failure here.
        for name in &self.names {
            command::succeeds(&mut self.store.buildah(&["rmi", name]));
        }
    }
}
