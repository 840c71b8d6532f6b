//! Installs the product on a cluster as a user would, by the chart or the manifests of `deploy/`, with the images that were built.
//! Does I/O through helm and kubectl.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::error::{Context, Error, Result};
use crate::helm::Helm;
use crate::images::Image;
use crate::toolchain;
use crate::{cache, command};

/// Namespace of the cluster-wide installation.
pub const NAMESPACE: &str = "sparkconnect-system";

/// A cluster, as kubectl reaches it.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    leading: Vec<String>,
}

impl Kubectl {
    /// The local cluster, as its administrator.
    ///
    /// # Errors
    /// When kubectl is missing and cannot be built.
    pub fn local(cluster: &Cluster) -> Result<Self> {
        let program = toolchain::kubernetes()?.kubectl();
        let kubeconfig = cluster.kubeconfig().display();
        Ok(Self {
            program,
            leading: vec![format!("--kubeconfig={kubeconfig}")],
        })
    }

    /// A cluster of the user's own, by the name of its context.
    ///
    /// # Errors
    /// When kubectl is missing and cannot be built.
    pub fn context(name: &str) -> Result<Self> {
        let program = toolchain::kubernetes()?.kubectl();
        Ok(Self {
            program,
            leading: vec![format!("--context={name}")],
        })
    }

    /// The same cluster in Helm's words.
    pub(crate) fn helm_flags(&self) -> Vec<String> {
        let flag = |flag: &String| flag.replacen("--context=", "--kube-context=", 1);
        self.leading.iter().map(flag).collect()
    }

    /// `PATH` with kubectl first in it, for programs that run it by themselves.
    ///
    /// # Errors
    /// When its folder cannot be in a `PATH`.
    pub fn path(&self) -> Result<OsString> {
        let folder = self.program.parent().map(Path::to_owned);
        let before = std::env::var_os("PATH").unwrap_or_default();
        let folders = folder.into_iter().chain(std::env::split_paths(&before));
        std::env::join_paths(folders).context(|| "putting kubectl into the PATH".to_owned())
    }

    /// kubectl with `args`, ready to run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.leading).args(args);
        command
    }

    /// Runs kubectl with `args` and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        command::output(&mut self.command(args))
    }

    /// Applies manifests, server-side.
    ///
    /// # Errors
    /// When one of them is refused, with what the API server said.
    pub fn apply(&self, manifests: &str) -> Result<String> {
        let mut kubectl = self
            .command(&["apply", "--server-side", "--force-conflicts", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context(|| "starting kubectl".to_owned())?;
        let mut input = kubectl
            .stdin
            .take()
            .expect("its input was asked for as a pipe");
        input
            .write_all(manifests.as_bytes())
            .context(|| "writing to kubectl".to_owned())?;
        drop(input);
        let output = kubectl
            .wait_with_output()
            .context(|| "waiting for kubectl".to_owned())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::new(format!(
            "kubectl apply: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }

    /// The manifests of a folder with a `kustomization.yaml`.
    ///
    /// # Errors
    /// When the folder is none, with what kubectl said.
    pub fn kustomize(&self, folder: &Path) -> Result<String> {
        command::output(Command::new(&self.program).arg("kustomize").arg(folder))
    }
}

/// The images of an installation.
#[derive(Clone, Debug)]
pub struct Images {
    /// The operator's.
    pub operator: String,
    /// The gateway's.
    pub gateway: String,
    /// Spark's, with `{version}` in the place of the version.
    pub spark: String,
}

impl Images {
    /// Builds operator, gateway and Spark of `versions`, and loads them into the local cluster.
    ///
    /// # Errors
    /// When an image cannot be built or loaded.
    pub fn local(cluster: &Cluster, versions: &[&str]) -> Result<Self> {
        let [operator, gateway] = [Image::Operator.build()?, Image::Gateway.build()?];
        for program in [&operator, &gateway] {
            cluster.load_image(&program.archive)?;
        }
        let mut template = String::new();
        for version in versions {
            let spark = Image::Spark {
                version: (*version).to_owned(),
            }
            .build()?;
            cluster.load_image(&spark.archive)?;
            template = spark.alias.replace(version, "{version}");
        }
        Ok(Self {
            operator: operator.name,
            gateway: gateway.name,
            spark: template,
        })
    }

    /// The arguments that have the chart use them.
    pub fn values(&self) -> Vec<String> {
        let mut values = vec![format!("--set-literal=sparkImage={}", self.spark)];
        for (program, image) in [("operator", &self.operator), ("gateway", &self.gateway)] {
            let (repository, tag) = parts(image);
            values.push(format!(
                "--set-string={program}.image.repository={repository},{program}.image.tag={tag}"
            ));
        }
        values
    }

    /// What has an overlay of the manifests use them.
    fn kustomization(&self) -> String {
        let mut text = String::from("images:\n");
        for (program, image) in [("operator", &self.operator), ("gateway", &self.gateway)] {
            let (repository, tag) = parts(image);
            text.push_str(&format!(
                "  - {{name: sparkconnect/{program}, newName: {repository}, newTag: {tag}}}\n"
            ));
        }
        text.push_str(&format!(
            "patches:\n\
             \x20 - target: {{kind: Deployment, name: sparkconnect-operator}}\n\
             \x20   patch: |\n\
             \x20     apiVersion: apps/v1\n\
             \x20     kind: Deployment\n\
             \x20     metadata: {{name: sparkconnect-operator}}\n\
             \x20     spec: {{template: {{spec: {{containers: [{{name: operator, env: [{{name: SPARKCONNECT_DEFAULT_IMAGE, value: \"{}\"}}]}}]}}}}}}\n",
            self.spark
        ));
        text
    }

    /// Images under a registry's name, as `cargo xtask images` names them.
    pub fn registry(registry: &str) -> Self {
        let registry = registry.trim_end_matches('/');
        Self {
            operator: format!("{registry}/sparkconnect/operator:dev"),
            gateway: format!("{registry}/sparkconnect/gateway:dev"),
            spark: format!("{registry}/sparkconnect/spark:{{version}}"),
        }
    }
}

/// An image's repository and tag.
fn parts(image: &str) -> (&str, &str) {
    let tagged = image.rsplit_once(':');
    // A port of the registry is no tag.
    let tagged = tagged.filter(|(_, tag)| !tag.contains('/'));
    tagged.unwrap_or((image, "latest"))
}

/// Installs the chart for the whole cluster, in the place of whatever installation is there, and waits until operator and gateway run.
///
/// # Errors
/// When an object is refused or one of them does not come to run.
pub fn cluster_wide(kubectl: &Kubectl, images: &Images) -> Result<()> {
    let values = images.values();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    // One by the manifests, or one that was changed by hand.
    let whatever = ["--take-ownership", "--force-conflicts"];
    Helm::on(kubectl)?.install(NAMESPACE, &[&values[..], &whatever].concat())?;
    rolled_out(kubectl, NAMESPACE)
}

/// Applies the manifests for the whole cluster, and waits until operator and gateway run.
///
/// # Errors
/// When a manifest is refused or one of them does not come to run.
pub fn manifests(kubectl: &Kubectl, images: &Images) -> Result<()> {
    let copy = Manifests::copy()?;
    let overlay = copy.overlay("cluster-wide", images, &[])?;
    kubectl.apply(&kubectl.kustomize(&overlay)?)?;
    rolled_out(kubectl, NAMESPACE)
}

/// Applies the manifests for the one namespace `namespace`, which must exist, and waits until operator and gateway run; with
/// `components`, each a folder of `deploy/components`.
///
/// # Errors
/// When a manifest is refused or one of them does not come to run.
pub fn namespaced(
    kubectl: &Kubectl,
    images: &Images,
    namespace: &str,
    components: &[&str],
) -> Result<()> {
    let copy = Manifests::copy()?;
    let file = copy.folder().join("namespaced/kustomization.yaml");
    let text = std::fs::read_to_string(&file).context(|| format!("reading {}", file.display()))?;
    let text = text.replace("namespace: default", &format!("namespace: {namespace}"));
    std::fs::write(&file, text).context(|| format!("writing {}", file.display()))?;
    let overlay = copy.overlay("namespaced", images, components)?;
    kubectl.apply(&kubectl.kustomize(&overlay)?)?;
    rolled_out(kubectl, namespace)
}

/// A copy of `deploy/`, for overlays beside what they are of; gone on drop.
struct Manifests(TempDir);

impl Manifests {
    fn copy() -> Result<Self> {
        let copy = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
        let mut cp = Command::new("cp");
        cp.arg("-r").arg(repository().join("deploy"));
        command::output(cp.arg(copy.path()))?;
        Ok(Self(copy))
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("deploy")
    }

    /// The folder of an overlay of `base` with the images and components.
    fn overlay(&self, base: &str, images: &Images, components: &[&str]) -> Result<PathBuf> {
        let folder = self.folder().join("overlay");
        let mut overlay = format!("resources: [../{base}]\ncomponents:\n");
        for component in components {
            overlay.push_str(&format!("  - ../components/{component}\n"));
        }
        overlay.push_str(&images.kustomization());
        std::fs::create_dir(&folder)
            .and_then(|()| std::fs::write(folder.join("kustomization.yaml"), overlay))
            .context(|| format!("writing {}", folder.display()))?;
        Ok(folder)
    }
}

/// Waits until operator and gateway, as far as they are installed, run in `namespace`.
///
/// # Errors
/// When one of them does not in two minutes.
pub fn rolled_out(kubectl: &Kubectl, namespace: &str) -> Result<()> {
    let ours = "app.kubernetes.io/name in (sparkconnect-operator, sparkconnect-gateway)";
    let status = [
        "-n",
        namespace,
        "rollout",
        "status",
        "deployment",
        "-l",
        ours,
    ];
    let waited = kubectl.run(&[&status[..], &["--timeout=120s"]].concat());
    waited.map(drop).map_err(|error| {
        error.hint(format!(
            "see `kubectl -n {namespace} describe pods` and the pods' logs"
        ))
    })
}

/// Gives a claim of the local cluster, which has no storage of its own, a folder of this machine.
///
/// # Errors
/// When the folder cannot be made or the volume is refused.
pub fn local_volume(kubectl: &Kubectl, namespace: &str, claim: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = cache::root()
        .join("cluster-data")
        .join(namespace)
        .join(claim);
    std::fs::create_dir_all(&folder).context(|| format!("making {}", folder.display()))?;
    let everyone = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(&folder, everyone)
        .context(|| format!("opening {}", folder.display()))?;
    let (path, volume) = (folder.display(), format!("pv/{namespace}-{claim}"));
    // A volume whose claim was deleted remembers it, and takes no other.
    let phase = [
        "get",
        &volume,
        "--ignore-not-found",
        "-o=jsonpath={.status.phase}",
    ];
    if kubectl.run(&phase)? == "Released" {
        kubectl.run(&["delete", &volume])?;
    }
    kubectl.apply(&format!(
        "apiVersion: v1\n\
         kind: PersistentVolume\n\
         metadata: {{name: {namespace}-{claim}}}\n\
         spec:\n\
         \x20 capacity: {{storage: 1Gi}}\n\
         \x20 accessModes: [ReadWriteOnce]\n\
         \x20 persistentVolumeReclaimPolicy: Retain\n\
         \x20 claimRef: {{namespace: {namespace}, name: {claim}}}\n\
         \x20 hostPath: {{path: {path}}}\n"
    ))?;
    Ok(())
}

/// The checkout that this was built from.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_its_repository_and_its_tag() {
        for (image, repository, tag) in [
            ("sparkconnect/operator:dev", "sparkconnect/operator", "dev"),
            ("registry:5000/a/b:1.2", "registry:5000/a/b", "1.2"),
            ("registry:5000/a/b", "registry:5000/a/b", "latest"),
        ] {
            assert_eq!(parts(image), (repository, tag));
        }
    }
}
