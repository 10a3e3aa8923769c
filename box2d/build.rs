//! Compiles Box2D, whose sources `cargo xtask setup` fetches, with the interface in `shim/`.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const VARIABLE: &str = "PROTEUS_BOX2D_DIR";

/// Where the library has its C++ files.
const FOLDERS: [&str; 6] =
    ["Collision", "Collision/Shapes", "Common", "Dynamics", "Dynamics/Contacts", "Dynamics/Joints"];

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=shim");
    let root = env::var_os(VARIABLE).map(PathBuf::from).unwrap_or_default();
    println!("cargo::rerun-if-changed={}", root.display());
    match sources(&root) {
        Ok(files) => {
            compile(&root, &files);
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!(
                "cargo::error=expected the sources of Box2D in {VARIABLE}={:?}, got: {error}; \
                 run `cargo xtask setup`, or set {VARIABLE} to the folder that holds Box2D/Box2D.h",
                root.display().to_string()
            );
            ExitCode::FAILURE
        }
    }
}

/// The C++ files, in an order that does not depend on the file system.
fn sources(root: &Path) -> io::Result<Vec<PathBuf>> {
    let library = root.join("Box2D");
    fs::metadata(library.join("Box2D.h"))?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(library.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "cpp") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn compile(root: &Path, files: &[PathBuf]) {
    // `shim` comes first: its Python.h is the one that Box2D's settings include.
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .include("shim")
        .include(root)
        .files(files)
        .file("shim/shim.cpp")
        // Every operation is rounded by itself, as in the wheels of pybox2d: results are theirs to
        // the last bit, on any processor.
        .flag("-ffp-contract=off")
        .flag("-fno-fast-math")
        // What the compiler thinks of other people's code is nothing to act on here.
        .warnings(false)
        .flag("-w")
        .compile("proteus_box2d");
}
