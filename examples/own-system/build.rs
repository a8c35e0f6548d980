//! Compiles the .proto file.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/shop.proto");
    tonic_prost_build::configure().compile_fds(protox::compile(["shop.proto"], ["proto"])?)?;
    Ok(())
}
