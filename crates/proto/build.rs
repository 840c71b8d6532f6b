//! Generates the protocol code. The `.proto` files are compiled in this process: no `protoc` is needed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let spark = protox::compile([root.join("spark/connect/base.proto")], [&root])?;
    tonic_prost_build::configure()
        .bytes(".spark.connect.AddArtifactsRequest.ArtifactChunk")
        .compile_fds(spark)?;
    Ok(())
}
