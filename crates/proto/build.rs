//! Generates the protocol code. The `.proto` files are compiled in this process: no `protoc` is needed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    // Asked for at each run: a build folder that checkouts share may hold this program from another one.
    let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo runs this program")?;
    let root = Path::new(&crate_folder).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let spark = protox::compile([root.join("spark/connect/base.proto")], [&root])?;
    tonic_prost_build::configure()
        .bytes(".spark.connect.AddArtifactsRequest.ArtifactChunk")
        .compile_fds(spark)?;
    let gateway = protox::compile(
        [root.join("sparkconnect/gateway/v1/gateway.proto")],
        [&root],
    )?;
    tonic_prost_build::configure()
        .client_mod_attribute(".", "#[cfg(feature = \"gateway-client\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"gateway-server\")]")
        .compile_fds(gateway)?;
    Ok(())
}
