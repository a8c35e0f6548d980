//! Compiles the .proto files with protox: no system protoc is needed.

use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=module.proto");
    let descriptors = protox::compile(["module.proto"], ["."])?;
    // For reflection, which serves it as it is.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("module.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // A peer may have only one of the methods.
        .generate_default_stubs(true)
        .build_transport(false)
        .codec_path("crate::Codec")
        .bytes(".module")
        .btree_map(".module")
        .compile_fds(descriptors)?;
    Ok(())
}
