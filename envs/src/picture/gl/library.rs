//! Libraries that are opened while the program runs.

#![allow(unsafe_code, reason = "calling into a library by name is unsafe by nature")]

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

/// An opened library. It stays open: graphics drivers do not survive being closed, and MuJoCo keeps
/// the addresses of their functions.
#[derive(Debug)]
pub(super) struct Opened {
    name: &'static str,
    library: std::mem::ManuallyDrop<Library>,
}

impl Opened {
    /// Opens the first of `names` that there is.
    ///
    /// # Errors
    /// What the loader says of each.
    pub(super) fn first(names: &[&'static str]) -> Result<Self, String> {
        let mut refusals = Vec::new();
        for &name in names {
            // SAFETY: these are the system's graphics libraries, whose initialisers may run at any
            // time and in any thread.
            match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) } {
                Ok(library) => {
                    return Ok(Self { name, library: std::mem::ManuallyDrop::new(library) });
                }
                Err(error) => refusals.push(told(&error)),
            }
        }
        Err(refusals.join(", "))
    }

    /// The function called `name`.
    ///
    /// # Errors
    /// If there is none.
    ///
    /// # Safety
    /// `F` must be a function pointer of the type that the library documents for it.
    pub(super) unsafe fn function<F: Copy>(&self, name: &str) -> Result<F, String> {
        // SAFETY: as the caller promises. The address stays valid, for the library stays open.
        let symbol = unsafe { self.library.get::<F>(name.as_bytes()) };
        symbol.map(|function| *function).map_err(|error| told(&error))
    }

    /// Shows its functions to all libraries of the process, as MuJoCo needs it.
    ///
    /// # Errors
    /// What the loader says.
    pub(super) fn show(&self) -> Result<(), String> {
        // SAFETY: the library is open already; this changes who sees it.
        let again = unsafe { Library::open(Some(self.name), RTLD_NOW | RTLD_GLOBAL) };
        std::mem::forget(again.map_err(|error| told(&error))?);
        Ok(())
    }
}

fn told(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
