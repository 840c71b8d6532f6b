//! Images in the cluster's containerd. Runs `ctr` and `tar`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::layout::{Layout, PAUSE_IMAGE};
use crate::error::{Context, Error, Result};
use crate::process::{Seen, wait_for};
use crate::toolchain::Kubernetes;
use crate::{command, progress};

/// An image in a docker archive, as its `manifest.json` tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

/// `ctr` for the cluster's containerd and the namespace that the kubelet's containers and images are in.
pub(super) fn ctr(layout: &Layout) -> Command {
    let mut ctr = Command::new("ctr");
    ctr.arg("--address").arg(layout.socket()).args([
        "--namespace",
        "k8s.io",
        "--connect-timeout",
        "5s",
    ]);
    ctr
}

/// Imports a docker archive, unless each of its images is there already with the same content.
pub(super) fn load(layout: &Layout, archive: &Path) -> Result<()> {
    let wanted = wanted(archive)?;
    let name = archive.display();
    if present(layout, &wanted)? {
        progress::note(&format!("{name} is loaded already"));
        return Ok(());
    }
    progress::step(&format!("Loading {name}"), || {
        remove_outdated(layout, &wanted)?;
        command::output(ctr(layout).args(["images", "import"]).arg(archive))?;
        // The kubelet's view of the images follows containerd's events.
        wait_for(
            &format!("{name} to be known"),
            Duration::from_secs(30),
            || {
                let known = present(layout, &wanted)?;
                Ok(if known {
                    Seen::Done(())
                } else {
                    Seen::NotYet("it is not listed".to_owned())
                })
            },
        )
    })
}

/// Packs the image that holds a pod's namespaces open, unless it is there, and imports it.
pub(super) fn load_pause(layout: &Layout, programs: &Kubernetes) -> Result<()> {
    let folder = tempfile::tempdir().context(|| "making a temporary folder".to_owned())?;
    let archive = pack(folder.path(), &programs.pod(), PAUSE_IMAGE, &["pause"])?;
    if present(layout, &wanted(&archive)?)? {
        Ok(())
    } else {
        load(layout, &archive)
    }
}

/// Removes all containers, which must have ended, with their layers.
pub(super) fn remove_containers(layout: &Layout) -> Result<()> {
    wait_for(
        "containerd to forget the containers",
        Duration::from_secs(30),
        || {
            let list = command::output(ctr(layout).args(["containers", "list", "--quiet"]))?;
            let names: Vec<&str> = list.lines().collect();
            if names.is_empty() {
                return Ok(Seen::Done(()));
            }
            // containerd clears up after ended containers at the same time, so some are gone when their turn comes: look again.
            let deleted = command::output(ctr(layout).args(["containers", "delete"]).args(names));
            Ok(Seen::NotYet(deleted.map_or_else(
                |error| error.to_string(),
                |_| "more containers".to_owned(),
            )))
        },
    )
}

/// Each tag of the archive with the digest of its image's configuration, which is the image's identity.
fn wanted(archive: &Path) -> Result<Vec<(String, String)>> {
    let manifest = extract(archive, "manifest.json")?;
    let entries: Vec<Entry> = serde_json::from_slice(&manifest).map_err(|error| {
        Error::new(format!(
            "{} is not a docker archive: {error}",
            archive.display()
        ))
        .hint("`buildah push NAME docker-archive:FILE:NAME` and `docker save` make one")
    })?;
    let mut wanted = Vec::new();
    for entry in entries {
        let digest = digest(&extract(archive, &entry.config)?);
        let tags = entry.repo_tags.unwrap_or_default();
        wanted.extend(
            tags.into_iter()
                .map(|tag| (full_name(&tag), digest.clone())),
        );
    }
    if wanted.is_empty() {
        return Err(Error::new(format!(
            "{} has no image with a name",
            archive.display()
        )));
    }
    Ok(wanted)
}

fn extract(archive: &Path, name: &str) -> Result<Vec<u8>> {
    let mut tar = Command::new("tar");
    let output = tar.arg("-xOf").arg(archive).arg("--").arg(name).output();
    let output = output.context(|| "starting tar".to_owned())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!(
        "reading {name} of {}: {}",
        archive.display(),
        text.trim()
    )))
}

/// Besides each tag containerd lists `sha256:<configuration>`, once the kubelet's part of it knows the image; the tag is
/// current when both stand for the same manifest.
fn present(layout: &Layout, wanted: &[(String, String)]) -> Result<bool> {
    let list = command::output(ctr(layout).args(["images", "list"]))?;
    let manifests = manifests(&list);
    Ok(wanted.iter().all(|(tag, config)| {
        let manifest = manifests.get(tag.as_str());
        manifest.is_some() && manifest == manifests.get(config.as_str())
    }))
}

/// Removes the earlier images of the same names: the kubelet's part of containerd looks at a name's content once, when the
/// name is new, and images that nothing names any more would stay on the disk.
fn remove_outdated(layout: &Layout, wanted: &[(String, String)]) -> Result<()> {
    let list = command::output(ctr(layout).args(["images", "list"]))?;
    let names = outdated(&manifests(&list), wanted);
    if names.is_empty() {
        return Ok(());
    }
    command::output(ctr(layout).args(["images", "delete"]).args(names)).map(drop)
}

/// The wanted tags that stand for something else, and the identities of images that have no other tag.
fn outdated<'a>(
    manifests: &HashMap<&'a str, &'a str>,
    wanted: &[(String, String)],
) -> Vec<&'a str> {
    let is_current = |tag: &str, manifest: &str| {
        let config = wanted
            .iter()
            .find(|(name, _)| name == tag)
            .map(|(_, config)| config.as_str());
        config.is_none_or(|config| manifests.get(config) == Some(&manifest))
    };
    let is_identity = |name: &str| name.starts_with("sha256:");
    let tags = manifests.iter().filter(|(name, _)| !is_identity(name));
    let (kept, removed): (Vec<_>, Vec<_>) =
        tags.partition(|(tag, manifest)| is_current(tag, manifest));
    let has =
        |tags: &[(&&str, &&str)], manifest: &str| tags.iter().any(|(_, other)| **other == manifest);
    let identities = manifests.iter().filter(|(name, manifest)| {
        is_identity(name) && has(&removed, manifest) && !has(&kept, manifest)
    });
    let mut names: Vec<&str> = removed
        .iter()
        .copied()
        .chain(identities)
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    names
}

/// Reference and manifest digest of each line of `ctr images list`.
fn manifests(list: &str) -> HashMap<&str, &str> {
    let columns = |line| {
        let mut words = str::split_whitespace(line);
        Some((words.next()?, words.nth(1)?))
    };
    list.lines().skip(1).filter_map(columns).collect()
}

/// The name under which containerd keeps an image: with its registry.
fn full_name(tag: &str) -> String {
    match tag.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => tag.to_owned(),
        Some(_) => format!("docker.io/{tag}"),
        None => format!("docker.io/library/{tag}"),
    }
}

fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// Packs a docker archive of an image that holds one static program, and returns its path in `folder`, which must be empty.
/// `args` are what the program gets when a pod says nothing else.
///
/// # Errors
/// When a file cannot be read or written.
pub fn pack(folder: &Path, program: &Path, name: &str, args: &[&str]) -> Result<PathBuf> {
    let root = folder.join("root");
    fs::create_dir(&root).context(|| format!("making {}", root.display()))?;
    fs::copy(program, root.join("pod")).context(|| format!("copying {}", program.display()))?;
    tar(&root, &folder.join("layer.tar"), &["pod"])?;
    let layer = fs::read(folder.join("layer.tar")).context(|| "reading a layer".to_owned())?;
    let config = json!({
        "architecture": architecture(), "os": "linux",
        "config": {"Entrypoint": ["/pod"], "Cmd": args, "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    for (name, content) in [("config.json", config), ("manifest.json", manifest)] {
        fs::write(folder.join(name), content.to_string()).context(|| format!("writing {name}"))?;
    }
    let archive = folder.join("image.tar");
    tar(
        folder,
        &archive,
        &["manifest.json", "config.json", "layer.tar"],
    )?;
    Ok(archive)
}

/// The same bytes whoever packs, and whenever.
fn tar(folder: &Path, archive: &Path, names: &[&str]) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args([
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--mode=0755",
        "-C",
    ])
    .arg(folder);
    command::output(tar.arg("-cf").arg(archive).args(names)).map(drop)
}

/// Go's name of this machine's processor, which images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_knows_images_by_their_full_names() {
        assert_eq!(full_name("localhost/a/b:1"), "localhost/a/b:1");
        assert_eq!(full_name("registry:5000/b:1"), "registry:5000/b:1");
        assert_eq!(full_name("apache/spark:4"), "docker.io/apache/spark:4");
        assert_eq!(full_name("spark:4"), "docker.io/library/spark:4");
    }

    #[test]
    fn the_list_gives_each_reference_its_manifest() {
        let list = "REF TYPE DIGEST SIZE\nlocalhost/a:1 application/json sha256:aa 1.0 MiB linux/amd64 -\n";
        assert_eq!(
            manifests(list),
            HashMap::from([("localhost/a:1", "sha256:aa")])
        );
    }

    #[test]
    fn an_outdated_image_goes_unless_another_tag_has_it() {
        let list = HashMap::from([
            ("a:1", "m1"),
            ("b:1", "m2"),
            ("c:1", "m2"),
            ("sha256:x", "m1"),
            ("sha256:y", "m2"),
        ]);
        let want = |tag: &str, config: &str| vec![(tag.to_owned(), config.to_owned())];
        assert_eq!(
            outdated(&list, &want("a:1", "sha256:new")),
            ["a:1", "sha256:x"]
        );
        assert_eq!(outdated(&list, &want("b:1", "sha256:new")), ["b:1"]);
        assert!(
            outdated(&list, &want("a:1", "sha256:x")).is_empty(),
            "it is current"
        );
        assert!(
            outdated(&list, &want("d:1", "sha256:new")).is_empty(),
            "it is new"
        );
    }

    #[test]
    fn the_same_program_gives_the_same_image() {
        let program = tempfile::NamedTempFile::new().unwrap();
        let pack = || {
            let folder = tempfile::tempdir().unwrap();
            let archive = pack(folder.path(), program.path(), PAUSE_IMAGE, &["pause"]).unwrap();
            wanted(&archive).unwrap()
        };
        assert_eq!(pack(), pack());
        assert_eq!(pack()[0].0, PAUSE_IMAGE);
    }

    #[test]
    fn what_is_no_docker_archive_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = wanted(file.path()).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
    }
}
