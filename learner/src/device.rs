//! Where tensors live. One binary for CPU and GPU: CUDA is loaded at run time if it is there.

use crate::error::{Error, Result};
use std::path::PathBuf;
use tch::{Cuda, Device};

/// Name of libtorch's CUDA half.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// Resolves `auto`, `cpu`, `cuda` or `cuda:<index>`. Must run before the first tensor.
///
/// `auto` takes the first GPU if CUDA can be loaded and there is one, else the CPU.
///
/// # Errors
/// [`Error::Device`] if a GPU is asked for by name and cannot be used.
pub fn resolve(wanted: &str) -> Result<Device> {
    if wanted == "cpu" {
        return Ok(Device::Cpu);
    }
    let loaded = load_cuda();
    let index = wanted.strip_prefix("cuda:").and_then(|index| index.parse().ok()).unwrap_or(0);
    let found = if loaded.is_ok() { Cuda::device_count() } else { 0 };
    if index < usize::try_from(found).unwrap_or(0) {
        return Ok(Device::Cuda(index));
    }
    if wanted == "auto" {
        return Ok(Device::Cpu);
    }
    let why = match loaded {
        Ok(()) => format!("{found} GPUs were found"),
        Err(why) => why,
    };
    Err(Error::Device { wanted: wanted.to_owned(), why })
}

/// Loads libtorch's CUDA half so that its symbols are visible to the CPU half.
fn load_cuda() -> std::result::Result<(), String> {
    let mut tried = Vec::new();
    for path in candidates() {
        match open_global(&path) {
            Ok(()) => {
                tracing::info!(path = %path.display(), "loaded CUDA");
                return Ok(());
            }
            Err(error) => tried.push(error),
        }
    }
    Err(format!(
        "libtorch's CUDA libraries could not be loaded ({}); run `cargo xtask setup --cuda`, or \
         put the lib folder of torch 2.11.0 on LD_LIBRARY_PATH",
        tried.join("; ")
    ))
}

/// Beside the CPU half in `.deps/torch-cuda/lib`, seen from the binary, then wherever the loader
/// looks.
fn candidates() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if let Ok(binary) = std::env::current_exe() {
        let folders = binary.ancestors().skip(1).take(4);
        let files = folders.map(|f| f.join(".deps/torch-cuda/lib").join(CUDA_LIBRARY));
        paths.extend(files.filter(|file| file.is_file()));
    }
    paths.push(PathBuf::from(CUDA_LIBRARY));
    paths
}

#[allow(unsafe_code, reason = "loading a library runs its initialisers")]
fn open_global(path: &std::path::Path) -> std::result::Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the initialisers of libtorch_cuda register kernels with libtorch_cpu, which is
    // linked into this process and initialised; they have no other precondition.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) };
    match library {
        Ok(library) => {
            // Kernels stay registered until the process ends, so the library must stay too.
            std::mem::forget(library);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// For people: `cpu` or `cuda:0`.
#[must_use]
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}
