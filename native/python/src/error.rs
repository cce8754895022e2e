//! Errors that cross to Python, in one place.

use std::io;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::import_exception;
use pyo3::PyErr;
use safedns_core::name::NameError;

import_exception!(safedns.errors, BlocklistError);

/// A system's error with its number, so that Python makes the right class of it and words it as usual.
pub fn system_error(error: &io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, system_text(number))),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// The system's words for an error number, without the number that Rust adds.
pub fn system_text(number: i32) -> String {
    let text = io::Error::from_raw_os_error(number).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Text that is no domain name.
pub fn not_a_name(name: &str, error: NameError) -> PyErr {
    PyValueError::new_err(format!("{name:?} is no domain name: {error}"))
}
