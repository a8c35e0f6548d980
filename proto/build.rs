//! Compiles the .proto files with protox: no system protoc is needed.

use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for name in ["module", "provider"] {
        let file = format!("{name}.proto");
        println!("cargo::rerun-if-changed={file}");
        let descriptors = protox::compile([file], ["."])?;
        // For reflection, which serves them as they are.
        std::fs::write(out.join(format!("{name}.bin")), descriptors.encode_to_vec())?;
        tonic_prost_build::configure()
            // A peer may have only one of the methods.
            .generate_default_stubs(true)
            .build_transport(false)
            .codec_path("crate::Codec")
            .bytes(".module")
            .bytes(".constellation.provider.v1")
            .btree_map(".module")
            .btree_map(".constellation.provider.v1")
            .compile_fds(descriptors)?;
    }
    Ok(())
}
