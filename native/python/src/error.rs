//! Errors that cross to Python, in one place.

use pyo3::exceptions::PyValueError;
use pyo3::import_exception;
use pyo3::PyErr;
use safedns_core::name::NameError;

import_exception!(safedns.errors, BlocklistError);

/// Text that is no domain name.
pub fn not_a_name(name: &str, error: NameError) -> PyErr {
    PyValueError::new_err(format!("{name:?} is no domain name: {error}"))
}
