//! Contexts of OSMesa, which draws on the CPU into memory of the process.

#![allow(unsafe_code, reason = "OSMesa is a C library; each call says why it is sound")]

use super::library::Opened;
use std::ffi::{c_int, c_void};
use std::ptr;

type Handle = *mut c_void;

/// OpenGL's name for four channels.
const RGBA: u32 = 0x1908;
/// OpenGL's name for a byte for each.
const UNSIGNED_BYTE: u32 = 0x1401;
const DEPTH_BITS: c_int = 24;
const STENCIL_BITS: c_int = 8;

/// The library.
#[derive(Debug, Clone, Copy)]
pub(super) struct OsMesa {
    create_context: unsafe extern "C" fn(u32, c_int, c_int, c_int, Handle) -> Handle,
    make_current: unsafe extern "C" fn(Handle, *mut c_void, u32, c_int, c_int) -> u8,
    destroy_context: unsafe extern "C" fn(Handle),
}

impl OsMesa {
    /// Opens the library, under the names that its releases have had.
    pub(super) fn load() -> Result<Self, String> {
        let library = Opened::first(&["libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"])?;
        // SAFETY: the types are those of Mesa's header osmesa.h.
        let mesa = unsafe {
            Self {
                create_context: library.function("OSMesaCreateContextExt")?,
                make_current: library.function("OSMesaMakeCurrent")?,
                destroy_context: library.function("OSMesaDestroyContext")?,
            }
        };
        library.show()?;
        Ok(mesa)
    }

    pub(super) fn context(&self, width: u32, height: u32) -> Result<Context, String> {
        // SAFETY: nothing is shared with another context.
        let context =
            unsafe { (self.create_context)(RGBA, DEPTH_BITS, STENCIL_BITS, 0, ptr::null_mut()) };
        if context.is_null() {
            return Err("OSMesaCreateContextExt gave no context".to_owned());
        }
        let buffer = vec![0; width as usize * height as usize];
        Ok(Context { mesa: *self, context, buffer, width, height })
    }
}

/// A context, which belongs to the thread that made it.
#[derive(Debug)]
pub(in super::super) struct Context {
    mesa: OsMesa,
    context: Handle,
    /// Where the context's own picture lies, four bytes a pixel. MuJoCo draws elsewhere, but OSMesa
    /// wants it for as long as the context is current.
    buffer: Vec<u32>,
    width: u32,
    height: u32,
}

impl Context {
    pub(super) fn make_current(&mut self) -> Result<(), String> {
        let buffer = self.buffer.as_mut_ptr().cast();
        let (width, height) = (self.width.cast_signed(), self.height.cast_signed());
        // SAFETY: the context is alive; the buffer holds a picture of this size, is never moved or
        // read, and is freed after the context.
        let made =
            unsafe { (self.mesa.make_current)(self.context, buffer, UNSIGNED_BYTE, width, height) };
        match made {
            0 => Err("OSMesaMakeCurrent failed".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is alive, and is not used after this.
        unsafe { (self.mesa.destroy_context)(self.context) };
    }
}
