//! What the cluster needs of the machine, looked at before anything is started. Reads files, binds ports for a moment, installs
//! packages through the toolchain.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use super::parts::Part;
use crate::command;
use crate::error::{Error, Result};
use crate::toolchain::{self, Tool};

/// Programs that the cluster runs.
const TOOLS: [Tool; 8] = [
    Tool {
        program: "containerd",
        package: "containerd",
    },
    Tool {
        program: "ctr",
        package: "containerd",
    },
    Tool {
        program: "runc",
        package: "runc",
    },
    Tool {
        program: "nft",
        package: "nftables",
    },
    Tool {
        program: "ip",
        package: "iproute2",
    },
    Tool {
        program: "setsid",
        package: "util-linux",
    },
    Tool {
        program: "umount",
        package: "mount",
    },
    Tool {
        program: "tar",
        package: "tar",
    },
];

/// Where distributions put the CNI plug-ins.
const CNI_FOLDERS: [&str; 3] = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/// Refuses anyone but root, and anything but Linux.
pub(super) fn require_root() -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(Error::new("the local cluster runs on Linux alone")
            .hint("use a cluster of your own, or a Linux machine"));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Error::new(
            "the local cluster needs root: it makes containers, bridges and mounts",
        )
        .hint("run this as root, for example in a virtual machine"));
    }
    Ok(())
}

/// The programs of the system that the rest uses.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) containerd: PathBuf,
    pub(super) cni_programs: PathBuf,
}

/// Installs what is missing, where that is possible.
pub(super) fn prepare() -> Result<Host> {
    toolchain::install(&TOOLS)?;
    if cni_programs().is_none() {
        toolchain::install(&[Tool {
            program: "/usr/lib/cni/bridge",
            package: "containernetworking-plugins",
        }])?;
    }
    let missing = |what: &str| {
        Error::new(format!(
            "{what} is missing although its package is installed"
        ))
    };
    Ok(Host {
        containerd: toolchain::find("containerd").ok_or_else(|| missing("containerd"))?,
        cni_programs: cni_programs().ok_or_else(|| missing("the CNI plug-in `bridge`"))?,
    })
}

fn cni_programs() -> Option<PathBuf> {
    CNI_FOLDERS
        .iter()
        .map(PathBuf::from)
        .find(|folder| folder.join("bridge").is_file())
}

/// Refuses when a port that `parts` need is taken; the addresses must be there already.
pub(super) fn require_ports(parts: &[Part]) -> Result<()> {
    for (part, (address, port)) in parts
        .iter()
        .flat_map(|part| part.ports.iter().map(move |port| (part, *port)))
    {
        if let Err(error) = TcpListener::bind((address, port)) {
            return Err(refused(part.name, address, port, &error));
        }
    }
    Ok(())
}

fn refused(part: &str, address: &str, port: u16, error: &std::io::Error) -> Error {
    if error.kind() != ErrorKind::AddrInUse {
        return Error::new(format!("{part} cannot listen on {address}:{port}: {error}"));
    }
    let filter = format!("sport = :{port}");
    let holder = command::output(Command::new("ss").args(["-Hltnp", &filter])).unwrap_or_default();
    Error::new(format!(
        "{part} needs port {port} on {address}, which is taken: {holder}"
    ))
    .hint("end that program, or let it listen on an address of its own rather than on all")
}
