//! Contexts of EGL, without windows or surfaces: MuJoCo draws into buffers of its own.

#![allow(unsafe_code, reason = "EGL is a C library; each call says why it is sound")]

use super::library::Opened;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

type Handle = *mut c_void;
type Boolean = u32;

// From the EGL registry's headers.
const PLATFORM_DEVICE: u32 = 0x313F;
const OPENGL_API: u32 = 0x30A2;
const NONE: i32 = 0x3038;
/// Attributes of a configuration that MuJoCo can draw with, and their values.
const CONFIGURATION: [i32; 15] = [
    0x3024, 8, // red bits
    0x3023, 8, // green bits
    0x3022, 8, // blue bits
    0x3025, 24, // depth bits
    0x3026, 8, // stencil bits
    0x3033, 0x0001, // surface type: buffers off screen
    0x3040, 0x0008, // can be used with OpenGL
    NONE,
];

/// More graphics devices than machines have.
const MAX_DEVICES: usize = 32;

type GetProcAddress = unsafe extern "C" fn(*const c_char) -> Option<unsafe extern "C" fn()>;
type GetDisplay = unsafe extern "C" fn(Handle) -> Handle;
type QueryDevices = unsafe extern "C" fn(i32, *mut Handle, *mut i32) -> Boolean;
type GetPlatformDisplay = unsafe extern "C" fn(u32, Handle, *const i32) -> Handle;

/// EGL, with a display and a configuration that work.
#[derive(Debug)]
pub(super) struct Egl {
    functions: Functions,
    display: Handle,
    configuration: Handle,
}

// SAFETY: EGL's functions may be called from any thread, with displays and configurations of any
// other; they are names for objects of the library.
unsafe impl Send for Egl {}
// SAFETY: as above.
unsafe impl Sync for Egl {}

#[derive(Debug, Clone, Copy)]
struct Functions {
    get_proc_address: GetProcAddress,
    get_display: GetDisplay,
    initialize: unsafe extern "C" fn(Handle, *mut i32, *mut i32) -> Boolean,
    bind_api: unsafe extern "C" fn(u32) -> Boolean,
    choose_config: unsafe extern "C" fn(Handle, *const i32, *mut Handle, i32, *mut i32) -> Boolean,
    create_context: unsafe extern "C" fn(Handle, Handle, Handle, *const i32) -> Handle,
    make_current: unsafe extern "C" fn(Handle, Handle, Handle, Handle) -> Boolean,
    destroy_context: unsafe extern "C" fn(Handle, Handle) -> Boolean,
    get_error: unsafe extern "C" fn() -> i32,
}

impl Functions {
    fn of(library: &Opened) -> Result<Self, String> {
        // SAFETY: the types are those of the EGL 1.5 specification.
        unsafe {
            Ok(Self {
                get_proc_address: library.function("eglGetProcAddress")?,
                get_display: library.function("eglGetDisplay")?,
                initialize: library.function("eglInitialize")?,
                bind_api: library.function("eglBindAPI")?,
                choose_config: library.function("eglChooseConfig")?,
                create_context: library.function("eglCreateContext")?,
                make_current: library.function("eglMakeCurrent")?,
                destroy_context: library.function("eglDestroyContext")?,
                get_error: library.function("eglGetError")?,
            })
        }
    }

    /// A display for each graphics device there is, and last the default one.
    fn displays(&self) -> Vec<Handle> {
        let mut displays = self.device_displays().unwrap_or_default();
        // SAFETY: a null pointer asks for the default display.
        displays.push(unsafe { (self.get_display)(ptr::null_mut()) });
        displays.retain(|display| !display.is_null());
        displays
    }

    /// `None` without the extensions EGL_EXT_device_enumeration and EGL_EXT_platform_device.
    fn device_displays(&self) -> Option<Vec<Handle>> {
        // SAFETY: the types are those of the extensions' specifications.
        let (query, display) = unsafe {
            (
                self.extension::<QueryDevices>(c"eglQueryDevicesEXT")?,
                self.extension::<GetPlatformDisplay>(c"eglGetPlatformDisplayEXT")?,
            )
        };
        let mut devices = [ptr::null_mut(); MAX_DEVICES];
        let (room, mut count) = (i32::try_from(devices.len()).ok()?, 0);
        // SAFETY: at most `room` handles are written, which is what `devices` holds.
        if unsafe { query(room, devices.as_mut_ptr(), &raw mut count) } == 0 {
            return None;
        }
        let found = devices.iter().take(usize::try_from(count).ok()?);
        // SAFETY: the devices were just named by EGL; no attributes are passed.
        Some(
            found.map(|device| unsafe { display(PLATFORM_DEVICE, *device, ptr::null()) }).collect(),
        )
    }

    /// A function of an extension.
    ///
    /// # Safety
    /// `F` must be a function pointer of the type that the extension documents.
    unsafe fn extension<F: Copy>(&self, name: &CStr) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<unsafe extern "C" fn()>()) };
        // SAFETY: `name` is a C string; function pointers have one size, and the caller promises
        // the type.
        unsafe {
            let function = (self.get_proc_address)(name.as_ptr())?;
            Some(std::mem::transmute_copy(&function))
        }
    }

    /// A configuration of `display` that MuJoCo can draw with, if there is one.
    fn configuration(&self, display: Handle) -> Option<Handle> {
        let (mut configuration, mut count) = (ptr::null_mut(), 0);
        // SAFETY: versions are not asked for; the list of attributes ends with NONE; at most one
        // configuration is written.
        let chosen = unsafe {
            (self.initialize)(display, ptr::null_mut(), ptr::null_mut()) != 0
                && (self.choose_config)(
                    display,
                    CONFIGURATION.as_ptr(),
                    &raw mut configuration,
                    1,
                    &raw mut count,
                ) != 0
        };
        (chosen && count > 0).then_some(configuration)
    }

    /// What went wrong in the last call.
    fn error(&self, call: &str) -> String {
        // SAFETY: may be called at any time.
        format!("{call}: EGL error {:#x}", unsafe { (self.get_error)() })
    }
}

impl Egl {
    /// Opens the library and finds a device that can draw.
    pub(super) fn load() -> Result<Self, String> {
        let library = Opened::first(&["libEGL.so.1"])?;
        let functions = Functions::of(&library)?;
        let displays = functions.displays();
        let mut usable = displays
            .iter()
            .filter_map(|&display| Some((display, functions.configuration(display)?)));
        let (display, configuration) = usable.next().ok_or_else(|| {
            format!(
                "none of {} displays can draw with OpenGL off screen; its drivers may be missing",
                displays.len()
            )
        })?;
        let egl = Self { functions, display, configuration };
        // Whether contexts can be had shows when one is made.
        drop(egl.context()?);
        library.show()?;
        Ok(egl)
    }

    pub(super) fn context(&self) -> Result<Context, String> {
        let Self { functions, display, configuration } = *self;
        // SAFETY: display and configuration belong together; nothing is shared, and no attributes
        // are passed.
        let context = unsafe {
            (functions.bind_api)(OPENGL_API);
            (functions.create_context)(display, configuration, ptr::null_mut(), ptr::null())
        };
        match context.is_null() {
            true => Err(functions.error("eglCreateContext")),
            false => Ok(Context { functions, display, context }),
        }
    }
}

/// A context, which belongs to the thread that made it.
#[derive(Debug)]
pub(in super::super) struct Context {
    functions: Functions,
    display: Handle,
    context: Handle,
}

impl Context {
    pub(super) fn make_current(&self) -> Result<(), String> {
        let none = ptr::null_mut();
        // SAFETY: the context is alive and of this display; it needs no surface, because MuJoCo
        // draws into buffers of its own.
        match unsafe { (self.functions.make_current)(self.display, none, none, self.context) } {
            0 => Err(self.functions.error("eglMakeCurrent")),
            _ => Ok(()),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let none = ptr::null_mut();
        // SAFETY: the context is alive, and is not used after this. Failures leave it to the end of
        // the process. The display stays, for other contexts may use it.
        unsafe {
            (self.functions.make_current)(self.display, none, none, none);
            (self.functions.destroy_context)(self.display, self.context);
        }
    }
}
