//! An OpenGL context without a screen, for MuJoCo's renderer.
//!
//! EGL draws on a graphics card or, with Mesa, on the CPU; OSMesa draws on the CPU. Both are looked
//! for when the first picture is made, not when the program starts, which so runs on machines that
//! have neither. The first that works is used from then on: MuJoCo looks OpenGL's functions up in
//! whatever library the process has opened for all to see, and keeps them.
//!
//! As with MuJoCo's Python package, the environment variable `MUJOCO_GL` chooses one of them
//! (`egl`, `osmesa`).

mod egl;
mod library;
mod osmesa;

use crate::Error;
use egl::Egl;
use osmesa::OsMesa;
use std::sync::OnceLock;

/// A library that makes contexts.
#[derive(Debug)]
enum Provider {
    Egl(Egl),
    OsMesa(OsMesa),
}

/// A context of the provider in use. It belongs to the thread that opened it.
#[derive(Debug)]
pub(super) enum Context {
    Egl(egl::Context),
    OsMesa(osmesa::Context),
}

impl Context {
    /// Opens a context that can draw pictures of this size, and makes it current.
    pub(super) fn open(width: u32, height: u32) -> Result<Self, Error> {
        let context = match provider()? {
            Provider::Egl(egl) => egl.context().map(Self::Egl),
            Provider::OsMesa(mesa) => mesa.context(width, height).map(Self::OsMesa),
        };
        let mut context = context.map_err(|what| Error::Renderer { what })?;
        context.make_current()?;
        Ok(context)
    }

    /// Has this thread draw in this context from now on.
    pub(super) fn make_current(&mut self) -> Result<(), Error> {
        let made = match self {
            Self::Egl(context) => context.make_current(),
            Self::OsMesa(context) => context.make_current(),
        };
        made.map_err(|what| Error::Renderer { what })
    }
}

/// The provider of this process.
fn provider() -> Result<&'static Provider, Error> {
    static PROVIDER: OnceLock<Result<Provider, Error>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        let wish = std::env::var("MUJOCO_GL").unwrap_or_default();
        choose(&wish).map_err(|tried| Error::NoRenderer { tried: tried.join("; ") })
    });
    provider.as_ref().map_err(Clone::clone)
}

/// The first provider that works among those wished for, or what is wrong with each.
fn choose(wish: &str) -> Result<Provider, Vec<String>> {
    let (egl, mesa) = match wish {
        "egl" => (true, false),
        "osmesa" => (false, true),
        _ => (true, true),
    };
    let mut tried = Vec::new();
    if egl {
        match Egl::load() {
            Ok(egl) => return Ok(Provider::Egl(egl)),
            Err(why) => tried.push(format!("EGL: {why}")),
        }
    }
    if mesa {
        match OsMesa::load() {
            Ok(mesa) => return Ok(Provider::OsMesa(mesa)),
            Err(why) => tried.push(format!("OSMesa: {why}")),
        }
    }
    Err(tried)
}
