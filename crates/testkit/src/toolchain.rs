//! The programs that fixtures run: the cluster's own, built from the pinned Go module in `tests/cluster` and cached, and those
//! of the operating system, installed where there is an apt-get. Runs `go` and `apt-get`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::{cache, command, progress};

/// The version of Kubernetes that `tests/cluster/go.mod` pins.
pub const KUBERNETES_VERSION: &str = "v1.35.4";

/// The programs that the Go module's folders are built to.
const PROGRAMS: [&str; 3] = ["pod", "coredns", "kube"];

/// The built programs of Kubernetes.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    folder: PathBuf,
}

impl Kubernetes {
    /// The folder that the programs are in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// etcd, the control plane, the node's programs and kubectl in one; its first argument says which.
    pub fn kube(&self) -> PathBuf {
        self.folder.join("kube")
    }

    /// kubectl: the same binary under the name that makes it kubectl.
    pub fn kubectl(&self) -> PathBuf {
        self.folder.join("kubectl")
    }

    /// CoreDNS.
    pub fn coredns(&self) -> PathBuf {
        self.folder.join("coredns")
    }

    /// The static program of the cluster's own image: `pod pause | serve ADDRESS TEXT | get URL | resolve NAME`.
    pub fn pod(&self) -> PathBuf {
        self.folder.join("pod")
    }
}

/// The Kubernetes programs, built if they are not in the cache; that takes minutes and says so on standard error.
///
/// # Errors
/// When Go is missing, or the build fails.
pub fn kubernetes() -> Result<Kubernetes> {
    let module = module();
    let go = go_version()?;
    let files = sources(&module)?;
    let mut parts = vec![go.as_bytes()];
    for (name, content) in &files {
        parts.extend([name.as_bytes(), content]);
    }
    let folder = cache::ensure("kubernetes", &cache::key(parts), |folder| {
        build(&module, folder)
    })?;
    Ok(Kubernetes { folder })
}

/// A program of the operating system, and the Debian package that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Name on the search path, or an absolute path.
    pub program: &'static str,
    /// Debian package.
    pub package: &'static str,
}

/// Sees to it that `tools` are there: installs those that are missing where there is apt-get.
///
/// # Errors
/// When one is missing and cannot be installed: one line that names what is missing.
pub fn install(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !rustix::process::geteuid().is_root() || find("apt-get").is_none() {
        return Err(Error::new(format!("programs are missing: {list} (Debian's names)"))
            .hint("install these packages, or run as root on Debian or Ubuntu, where this is done for you"));
    }
    progress::step(&format!("apt-get install {list}"), || apt_get(&missing))
}

/// Where `program` is on the search path, the system folders included (a plain user's path often lacks them).
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|place| place.is_file())
}

/// The folder of the Go module in this checkout.
fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cluster")
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let mut packages: Vec<&str> = tools
        .iter()
        .filter(|tool| find(tool.program).is_none())
        .map(|tool| tool.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn apt_get(packages: &[&str]) -> Result<()> {
    let log = std::env::temp_dir().join("sparkconnect-apt.log");
    let mut update = Command::new("apt-get");
    command::logged(update.args(["update", "--quiet"]), &log)?;
    let mut install = Command::new("apt-get");
    install
        .args(["install", "--quiet", "--yes", "--no-install-recommends"])
        .args(packages);
    // A package must not start a daemon of its own: the cluster starts its own containerd.
    install
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1");
    command::logged(&mut install, &log)
}

fn go_version() -> Result<String> {
    command::output(Command::new("go").args(["env", "GOVERSION", "GOARCH"])).map_err(|error| {
        Error::new(error.to_string())
            .hint("install Go 1.25 or newer: the cluster's programs are built with it")
    })
}

/// What the programs are made of: name and content of each source, in a fixed order.
fn sources(module: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for folder in std::iter::once(module.to_owned()).chain(PROGRAMS.map(|name| module.join(name))) {
        for entry in fs::read_dir(&folder).context(|| format!("reading {}", folder.display()))? {
            let path = entry
                .context(|| format!("reading {}", folder.display()))?
                .path();
            if path
                .extension()
                .is_some_and(|ext| ext == "go" || ext == "mod" || ext == "sum")
            {
                let content = fs::read(&path).context(|| format!("reading {}", path.display()))?;
                let name = path.strip_prefix(module).unwrap_or(&path);
                files.push((name.display().to_string(), content));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn build(module: &Path, folder: &Path) -> Result<()> {
    let what = format!(
        "Building Kubernetes {KUBERNETES_VERSION} from source (once; about 8 minutes on two cores)"
    );
    progress::step(&what, || {
        PROGRAMS
            .iter()
            .try_for_each(|name| build_one(module, folder, name))
    })?;
    let link = folder.join("kubectl");
    symlink("kube", &link).context(|| format!("making {}", link.display()))
}

fn build_one(module: &Path, folder: &Path, name: &str) -> Result<()> {
    let version = "k8s.io/component-base/version";
    let flags = format!(
        "-s -w -X {version}.gitVersion={KUBERNETES_VERSION} -X {version}.gitMajor=1 -X {version}.gitMinor=35"
    );
    let mut go = Command::new("go");
    go.current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false");
    go.args(["build", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(folder)
        .arg(format!("./{name}"));
    command::output(&mut go).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_of_the_programs_are_all_there() {
        let names: Vec<String> = sources(&module())
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for expected in [
            "go.mod",
            "go.sum",
            "coredns/main.go",
            "kube/guard.go",
            "kube/main.go",
            "pod/main.go",
        ] {
            assert!(
                names.iter().any(|name| name == expected),
                "{expected} is not among {names:?}"
            );
        }
    }

    #[test]
    fn the_version_is_the_one_that_the_module_pins() {
        let pins = fs::read_to_string(module().join("go.mod")).unwrap();
        assert!(
            pins.contains(&format!("k8s.io/kubernetes {KUBERNETES_VERSION}\n")),
            "{pins}"
        );
    }

    #[test]
    fn missing_packages_are_named_once() {
        let tool = |program| Tool {
            program,
            package: "some-package",
        };
        assert_eq!(
            missing(&[tool("no-such-a"), tool("no-such-b"), tool("sh")]),
            ["some-package"]
        );
    }
}
