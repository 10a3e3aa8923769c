//! The interpreter: one for the process, started by the first call.

use crate::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;
use std::ffi::CStr;

/// What is passed on of a traceback, in characters: the end of it, where the fault is.
const TRACEBACK: usize = 4000;
/// What is passed on of the line that says what was raised, in characters.
const LINE: usize = 300;

const CODE: &CStr = pyo3::ffi::c_str!(include_str!("bridge.py"));

static BRIDGE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Runs `work` with the interpreter; what it raises becomes [`Error::Python`] of a call to `what`.
pub(super) fn call<T>(
    what: &'static str,
    work: impl FnOnce(Python<'_>) -> PyResult<T>,
) -> Result<T, Error> {
    Python::initialize();
    Python::attach(|py| work(py).map_err(|error| failure(py, what, &error)))
}

/// The module that `bridge.py` is.
pub(super) fn bridge(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    let load = || {
        let module = PyModule::from_code(py, CODE, c"proteus/bridge.py", c"proteus_bridge")?;
        Ok::<_, PyErr>(module.unbind())
    };
    Ok(BRIDGE.get_or_try_init(py, load)?.bind(py))
}

fn failure(py: Python<'_>, what: &'static str, error: &PyErr) -> Error {
    let text = error.to_string();
    let traceback = traceback(py, error).unwrap_or_else(|_| text.clone());
    let line = text.lines().next().unwrap_or_default();
    Error::Python {
        what,
        exception: line.chars().take(LINE).collect(),
        traceback: end_of(traceback.trim_end(), TRACEBACK),
    }
}

/// As Python prints it, with what was the cause.
fn traceback(py: Python<'_>, error: &PyErr) -> PyResult<String> {
    let parts = (error.get_type(py), error.value(py), error.traceback(py));
    let lines = py.import("traceback")?.call_method1("format_exception", parts)?;
    Ok(lines.extract::<Vec<String>>()?.concat())
}

/// The last `count` characters, if there are more.
fn end_of(text: &str, count: usize) -> String {
    let start = text.char_indices().rev().nth(count.saturating_sub(1)).map_or(0, |(at, _)| at);
    let cut = if start > 0 { "…" } else { "" };
    format!("{cut}{}", &text[start..])
}
