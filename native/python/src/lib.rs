//! The Python binding: conversions, batched socket calls and sealed files around `safedns-core`.
//!
//! What the classes and functions promise is written in `safedns/_native.pyi`.

mod blocklist;
mod builder;
mod engine;
mod error;
mod mapped;
mod origins;
mod policy;
mod sockets;
mod system;
mod walk;

use pyo3::prelude::*;
use safedns_core::counters;

/// Rows of metric, labels, index and length.
#[pyfunction]
fn counter_layout() -> Vec<(&'static str, String, usize, usize)> {
    counters::layout()
}

/// Upper bounds of a histogram's buckets in seconds.
#[pyfunction]
fn histogram_bounds(metric: &str) -> PyResult<Vec<f64>> {
    if metric != counters::LATENCY_METRIC && metric != counters::ROUND_TRIP_METRIC {
        return Err(pyo3::exceptions::PyKeyError::new_err(format!("{metric} is no histogram")));
    }
    let seconds = |bound: &u64| if *bound == u64::MAX { f64::INFINITY } else { *bound as f64 / 1e9 };
    Ok(counters::BOUNDS.iter().map(seconds).collect())
}

/// Set `no_new_privs`.
#[pyfunction]
fn forbid_new_privileges() -> PyResult<()> {
    Ok(system::forbid_new_privileges()?)
}

/// Give large blocks of memory back as soon as they are freed.
#[pyfunction]
fn return_large_blocks() {
    system::return_large_blocks();
}

/// What every packet pays for.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::blocklist::Blocklist;
    #[pymodule_export]
    use super::builder::{Builder, Built};
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::origins::Origins;
    #[pymodule_export]
    use super::policy::Policy;
    #[pymodule_export]
    use super::walk::{differences, Entries, Steps};
    #[pymodule_export]
    use super::{counter_layout, forbid_new_privileges, histogram_bounds, return_large_blocks};

    #[pymodule_export]
    const COUNTERS: usize = safedns_core::counters::COUNT;
    #[pymodule_export]
    const FORMAT_VERSION: u32 = safedns_core::trie::FORMAT_VERSION;
}
