//! The configuration files of the cluster's parts, from the templates in `tests/cluster/config`. Rendering is pure; `write`
//! writes them.

use std::fs;
use std::path::Path;

use super::layout::{self, Layout};
use crate::error::{Context, Result};

/// Name in the configuration folder, and template.
const TEMPLATES: [(&str, &str); 7] = [
    (
        "containerd.toml",
        include_str!("../../../../tests/cluster/config/containerd.toml"),
    ),
    (
        "cni/sparkconnect.conflist",
        include_str!("../../../../tests/cluster/config/cni.conflist"),
    ),
    (
        "kubelet.yaml",
        include_str!("../../../../tests/cluster/config/kubelet.yaml"),
    ),
    (
        "kube-proxy.yaml",
        include_str!("../../../../tests/cluster/config/kube-proxy.yaml"),
    ),
    (
        "Corefile",
        include_str!("../../../../tests/cluster/config/Corefile"),
    ),
    (
        "resolv.conf",
        include_str!("../../../../tests/cluster/config/resolv.conf"),
    ),
    (
        "addons.yaml",
        include_str!("../../../../tests/cluster/config/addons.yaml"),
    ),
];

/// Writes all configuration files. `cni_programs` is the folder of the CNI plug-ins.
pub(super) fn write(layout: &Layout, cni_programs: &Path) -> Result<()> {
    for (name, content) in render_all(layout, cni_programs) {
        let path = layout.config(name);
        let folder = path.parent().expect("a configuration file is in a folder");
        fs::create_dir_all(folder).context(|| format!("making {}", folder.display()))?;
        fs::write(&path, content).context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn render_all(layout: &Layout, cni_programs: &Path) -> Vec<(&'static str, String)> {
    let path = |path: &Path| path.display().to_string();
    let values = [
        ("state", path(&layout.state)),
        ("run", path(&layout.run)),
        ("cni_programs", path(cni_programs)),
        ("pause", layout::PAUSE_IMAGE.to_owned()),
        ("node", layout::NODE.to_owned()),
        ("node_address", layout::NODE_ADDRESS.to_owned()),
        ("control_address", layout::CONTROL_ADDRESS.to_owned()),
        ("pod_range", layout::POD_RANGE.to_owned()),
        ("pod_bridge", layout::POD_BRIDGE.to_owned()),
        ("cgroup", layout::CGROUP.to_owned()),
    ];
    TEMPLATES
        .into_iter()
        .map(|(name, template)| (name, render(template, &values)))
        .collect()
}

fn render(template: &str, values: &[(&str, String)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered() -> Vec<(&'static str, String)> {
        let layout = Layout {
            state: "/state".into(),
            run: "/run/it".into(),
        };
        render_all(&layout, Path::new("/cni"))
    }

    #[test]
    fn no_placeholder_is_left() {
        for (name, text) in rendered() {
            assert!(!text.contains("{{"), "{name}:\n{text}");
        }
    }

    #[test]
    fn structured_files_parse() {
        for (name, text) in rendered() {
            if name.ends_with(".yaml") {
                use serde::Deserialize;
                for document in serde_yaml::Deserializer::from_str(&text) {
                    let value = serde_yaml::Value::deserialize(document).unwrap();
                    assert!(value.get("kind").is_some(), "{name}: {value:?}");
                }
            }
            if name.ends_with(".conflist") {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(value["plugins"][0]["ipam"]["dataDir"], "/run/it/addresses");
            }
        }
    }
}
