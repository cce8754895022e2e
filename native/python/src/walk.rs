//! `Blocklist.walk` and `differences`: batches of entries.

use std::sync::Arc;

use pyo3::prelude::*;
use safedns_core::name::Name;
use safedns_core::trie::{Difference, Differences, Entry, Walk};

use crate::blocklist::{Blocklist, Lists};

/// Entries handed to Python at a time: enough that the border costs nothing beside the entries.
const BATCH: usize = 4096;

/// Entries looked at in one go, so that a search for what is rare can still be interrupted.
const STRIDE: usize = 1 << 18;

/// Name, and the categories inherited, here and below.
type Row = (String, u64, u64, u64);

/// Name, and the categories here and below, before and after.
type Changed = (String, u64, u64, u64, u64);

/// The entries of a blocklist, in batches.
#[pyclass(module = "safedns._native")]
pub struct Entries {
    trie: Arc<Lists>,
    walk: Walk,
    containing: Option<String>,
}

impl Entries {
    pub fn new(trie: Arc<Lists>, walk: Walk, containing: Option<String>) -> Self {
        Self { trie, walk, containing }
    }

    /// A batch, and whether the walk has ended.
    fn batch(&mut self) -> (Vec<Row>, bool) {
        let mut rows = Vec::new();
        for _ in 0..STRIDE {
            let Some(entry) = self.walk.step(&self.trie) else { return (rows, true) };
            let Entry { inherited, here, below, .. } = entry;
            let text = entry.text();
            if self.containing.as_ref().is_none_or(|wanted| text.contains(wanted)) {
                rows.push((text, inherited, here, below));
            }
            if rows.len() == BATCH {
                break;
            }
        }
        (rows, false)
    }
}

#[pymethods]
impl Entries {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Vec<Row>>> {
        loop {
            let (rows, ended) = py.detach(|| self.batch());
            if ended || !rows.is_empty() {
                return Ok((!rows.is_empty()).then_some(rows));
            }
            py.check_signals()?;
        }
    }
}

/// What two blocklists don't say alike, in batches.
#[pyclass(module = "safedns._native", name = "Differences")]
pub struct Steps {
    old: Arc<Lists>,
    new: Arc<Lists>,
    walks: Differences,
}

#[pymethods]
impl Steps {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> Option<Vec<Changed>> {
        let rows: Vec<_> = py.detach(|| std::iter::from_fn(|| self.change()).take(BATCH).collect());
        (!rows.is_empty()).then_some(rows)
    }
}

impl Steps {
    /// The next name that one blocklist or both have an entry for, and that is not the same to both.
    fn change(&mut self) -> Option<Changed> {
        let same = |old: &Entry, new: &Entry| (old.here, old.below) == (new.here, new.below);
        loop {
            let (text, before, after) = match self.walks.step(&self.old, &self.new, same)? {
                Difference::Old(old) => (old.text(), (old.here, old.below), around(&self.new, &old)),
                Difference::New(new) => (new.text(), around(&self.old, &new), (new.here, new.below)),
                Difference::Both(old, new) => (new.text(), (old.here, old.below), (new.here, new.below)),
            };
            if before != after {
                return Some((text, before.0, before.1, after.0, after.1));
            }
        }
    }
}

/// What a blocklist says of a name that it has no entry for: of the name and of what is below the same.
fn around(trie: &Lists, entry: &Entry) -> (u64, u64) {
    let categories = Name::parse(entry.text().as_bytes()).map_or(0, |name| trie.lookup(&name).categories);
    (categories, categories)
}

/// Compare two blocklists.
#[pyfunction]
#[pyo3(signature = (old, new, /))]
pub fn differences(py: Python<'_>, old: &Blocklist, new: &Blocklist) -> Steps {
    let (old, new) = (old.trie.clone(), new.trie.clone());
    let walks = py.detach(|| Differences::new(&old, &new));
    Steps { old, new, walks }
}
