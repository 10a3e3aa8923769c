//! Generates the wire types from `proto/`, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["common", "control", "experience", "weights"]
        .map(|name| format!("proto/proteus/v1/{name}.proto"));
    let descriptors = protox::compile(&files, ["proto"])?;
    // `Bytes` fields share the receive buffer instead of copying out of it.
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
