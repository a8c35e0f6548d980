//! Compiles the .proto files with protox: no system protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=module.proto");
    let descriptors = protox::compile(["module.proto"], ["."])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::Codec")
        .bytes(".module")
        .btree_map(".module")
        .compile_fds(descriptors)?;
    Ok(())
}
