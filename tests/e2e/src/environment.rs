//! The cluster with the product on it: started, built and installed once, by whichever test comes first. Does I/O.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Mutex, OnceLock, PoisonError};

use sparkconnect_testkit::cluster::Cluster;
use sparkconnect_testkit::images::Image;
use sparkconnect_testkit::install::{self, Images, Kubectl};
use sparkconnect_testkit::{Result, cache};

/// Spark versions whose images are always there. The last one is what most tests use: it tells the most of its sessions.
const VERSIONS: [&str; 2] = ["4.1.4", "4.3.0"];

/// The cluster with the product on it.
#[derive(Debug)]
pub struct Environment {
    /// The cluster.
    pub cluster: Cluster,
    /// kubectl, as its administrator.
    pub kubectl: Kubectl,
    /// The images of operator, gateway and Spark.
    pub images: Images,
    /// Spark images by version.
    spark: Mutex<BTreeMap<String, String>>,
}

/// The environment of this process; several processes may share the cluster.
///
/// # Panics
/// When the cluster does not start, an image cannot be built or operator and gateway do not come to run.
pub fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| prepare().unwrap_or_else(|error| panic!("{error}")))
}

fn prepare() -> Result<Environment> {
    let _one_at_a_time = cache::lock(&cache::root().join("e2e-install.lock"))?;
    let cluster = Cluster::up()?;
    let images = Images::local(&cluster, &VERSIONS)?;
    let kubectl = Kubectl::local(&cluster)?;
    install::cluster_wide(&kubectl, &images)?;
    let named = |version: &str| {
        let image = images.spark.replace("{version}", version);
        (version.to_owned(), image)
    };
    let spark = Mutex::new(VERSIONS.into_iter().map(named).collect());
    Ok(Environment {
        cluster,
        kubectl,
        images,
        spark,
    })
}

impl Environment {
    /// Installs anew, after a test that took the installation away or changed it.
    ///
    /// # Panics
    /// When operator and gateway do not come to run.
    pub fn restore(&self) {
        let done = install::cluster_wide(&self.kubectl, &self.images);
        done.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Spark's image of a version, built and loaded if it is not there yet.
    ///
    /// # Panics
    /// When it cannot be built or loaded.
    pub fn spark_image(&self, version: &str) -> String {
        let mut spark = self.spark.lock().unwrap_or_else(PoisonError::into_inner);
        let image = spark.entry(version.to_owned()).or_insert_with(|| {
            let recipe = Image::Spark {
                version: version.to_owned(),
            };
            let built = recipe.build().unwrap_or_else(|error| panic!("{error}"));
            let loaded = self.cluster.load_image(&built.archive);
            loaded.unwrap_or_else(|error| panic!("{error}"));
            built.alias
        });
        image.clone()
    }
}

/// A test's turn on the cluster, shared with others or alone; ends on drop.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

impl Turn {
    /// A turn beside others that do not disturb the operator.
    ///
    /// # Panics
    /// When the lock's file cannot be made.
    pub fn shared() -> Self {
        let file = Self::file();
        file.lock_shared().expect("the lock can be waited for");
        Self { _lock: file }
    }

    /// A turn alone, for a test that stops or kills the operator, or takes note of every write.
    ///
    /// # Panics
    /// When the lock's file cannot be made.
    pub fn alone() -> Self {
        let file = Self::file();
        file.lock().expect("the lock can be waited for");
        Self { _lock: file }
    }

    fn file() -> File {
        let path = cache::root().join("e2e-turn.lock");
        File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}
