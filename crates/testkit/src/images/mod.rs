//! The project's container images, built without a registry of images: from Debian packages, Python wheels and the Dockerfiles in
//! `deploy/images`, the same ones that build on a public base elsewhere. Runs mmdebstrap, buildah, pip and cargo; needs root.

mod archive;
mod base;
mod program;
mod release;
mod spark;
mod store;
pub mod syft;

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::install::repository;
use crate::toolchain::{self, Tool};
use crate::{cache, progress};

pub use program::reproducible;
pub use release::{Program, Release, pack};
pub use store::Container;
use store::Store;

/// Where the class-data archive is in a Spark image.
pub const CLASS_DATA_ARCHIVE: &str = "/opt/spark/cds/spark-connect.jsa";

/// So many earlier builds of an image stay in the cache: those of other checkouts and branches that are worked on at the same time.
const KEPT: usize = 3;

const TOOLS: [Tool; 3] = [
    Tool {
        program: "buildah",
        package: "buildah",
    },
    Tool {
        program: "mmdebstrap",
        package: "mmdebstrap",
    },
    Tool {
        program: "tar",
        package: "tar",
    },
];

/// An image of this project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// The operator, from the checkout's present source: cargo builds it (profile `image`) at each call, as only cargo knows
    /// whether it is up to date.
    Operator,
    /// The gateway, likewise.
    Gateway,
    /// Spark with Python, what Spark Connect needs of it, and a class-data archive.
    Spark {
        /// Spark's version in full, as in `4.1.4`.
        version: String,
    },
}

/// An image in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The name to use in a pod; its tag is made of everything that went into the image, so it never means another content.
    pub name: String,
    /// A name that stays: `:dev` for the project's own programs, `:<version>` for Spark. The archive carries both names.
    pub alias: String,
    /// A docker archive, for `ctr images import` and the like.
    pub archive: PathBuf,
}

/// What one kind of image is made of and how.
trait Recipe {
    /// Repository and alias, as in (`operator`, `dev`).
    fn names(&self) -> (&str, &str);
    /// A key over all inputs.
    fn key(&self) -> &str;
    /// Builds the image in `store` under `name`.
    fn build(&self, store: &Store, name: &str) -> Result<()>;
}

impl Image {
    /// The image, built unless the cache has it with the same inputs (which takes milliseconds to see).
    ///
    /// # Errors
    /// When a tool is missing and can't be installed, when this is not run by root, or when a step of the build fails.
    pub fn build(&self) -> Result<BuiltImage> {
        match self {
            Self::Operator => built(&program::recipe(&repository(), "operator")?),
            Self::Gateway => built(&program::recipe(&repository(), "gateway")?),
            Self::Spark { version } => built(&spark::recipe(version)?),
        }
    }

    /// Opens a container of the built image, in which programs can run without a cluster: not isolated but for its files.
    ///
    /// # Errors
    /// When the image is not built, or cannot be unpacked.
    pub fn container(&self) -> Result<Container> {
        let image = self.build()?;
        let names = vec![image.name, image.alias];
        Store::open()?.container("docker-archive", &image.archive, names)
    }
}

/// The images of operator and gateway made of other sources than this checkout's: those of another version, in a folder.
///
/// # Errors
/// As [`Image::build`].
pub fn of_sources(sources: &Path) -> Result<[BuiltImage; 2]> {
    let build = |name| built(&program::recipe(sources, name)?);
    Ok([build("operator")?, build("gateway")?])
}

/// Opens a container of the image in an OCI archive; see [`Image::container`].
///
/// # Errors
/// When there is no such archive, or it cannot be unpacked.
pub fn open(archive: &Path) -> Result<Container> {
    toolchain::install(&TOOLS)?;
    Store::open()?.container("oci-archive", archive, Vec::new())
}

impl BuiltImage {
    fn new(recipe: &dyn Recipe) -> Self {
        let (repository, alias) = recipe.names();
        let key = recipe.key();
        let tag = if alias == "dev" {
            key.to_owned()
        } else {
            format!("{alias}-{key}")
        };
        let name = |tag: &str| format!("localhost/sparkconnect/{repository}:{tag}");
        let folder = cache::root()
            .join("images")
            .join(format!("{repository}-{tag}"));
        Self {
            name: name(&tag),
            alias: name(alias),
            archive: folder.join("image.tar"),
        }
    }

    fn folder(&self) -> String {
        let folder = self.archive.parent().and_then(Path::file_name);
        folder
            .expect("an archive is in a folder of its own")
            .to_string_lossy()
            .into_owned()
    }
}

fn built(recipe: &dyn Recipe) -> Result<BuiltImage> {
    let image = BuiltImage::new(recipe);
    cache::ensure("images", &image.folder(), |place| {
        toolchain::install(&TOOLS)?;
        let store = Store::open()?;
        progress::step(&format!("Building {}", image.name), || {
            recipe.build(&store, &image.name)
        })?;
        progress::step(&format!("Packing {}", image.name), || {
            let file = place.join("image.tar");
            store.push(&image.name, &file)?;
            archive::add_name(&file, &image.alias)?;
            store.remove(&image.name)
        })?;
        let same = image.folder();
        cache::prune("images", same.trim_end_matches(recipe.key()), KEPT)
    })?;
    Ok(image)
}

/// A file or folder of `deploy/images` in this checkout.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/images")
        .join(name)
}
