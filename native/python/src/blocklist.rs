//! `Blocklist`.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use safedns_core::name::Name;
use safedns_core::trie::delta::DeltaError;
use safedns_core::trie::{self, delta, Trie, TrieError, Walk};

use crate::error::{not_a_name, system_error, system_text, BlocklistError};
use crate::mapped::{duplicate, Mapped};
use crate::walk::Entries;

/// What the engine looks names up in.
pub type Lists = Trie<Mapped>;

/// A compiled blocklist.
#[pyclass(frozen, module = "safedns._native")]
pub struct Blocklist {
    /// Shared with engines that use it.
    pub trie: Arc<Lists>,
}

impl Blocklist {
    fn usable(path: &str, opened: Result<Lists, TrieError>) -> PyResult<Self> {
        let trie = opened.map_err(|error| BlocklistError::new_err(format!("{path}: {error}")))?;
        Ok(Self { trie: Arc::new(trie) })
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> PyErr {
    let text = error.raw_os_error().map_or_else(|| error.to_string(), system_text);
    BlocklistError::new_err(format!("{path}: can't be read: {text}"))
}

#[pymethods]
impl Blocklist {
    #[staticmethod]
    fn load(py: Python<'_>, path: &str) -> PyResult<Self> {
        let copy = || File::open(path).and_then(|mut file| Mapped::copy(&mut file));
        let sealed = py.detach(copy).map_err(|error| unreadable(path, &error))?;
        Self::usable(path, py.detach(|| Trie::open(sealed)))
    }

    #[staticmethod]
    fn open(path: &str) -> PyResult<Self> {
        let mapped = File::open(path).and_then(Mapped::map).map_err(|error| unreadable(path, &error))?;
        Self::usable(path, Trie::attach(mapped))
    }

    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.trie.verify()).map_err(|error| BlocklistError::new_err(error.to_string()))
    }

    #[staticmethod]
    fn attach(fd: RawFd) -> PyResult<Self> {
        let no_blocklist = |error: &dyn std::fmt::Display| {
            BlocklistError::new_err(format!("descriptor {fd} holds no blocklist: {error}"))
        };
        let sealed = Mapped::attach(fd).map_err(|error| no_blocklist(&error))?;
        let trie = Trie::attach(sealed).map_err(|error| no_blocklist(&error))?;
        Ok(Self { trie: Arc::new(trie) })
    }

    fn fileno(&self) -> RawFd {
        self.trie.bytes().fd()
    }

    #[getter]
    fn serial(&self) -> u64 {
        self.trie.serial()
    }

    #[getter]
    fn names(&self) -> u64 {
        self.trie.names()
    }

    #[getter]
    fn entries(&self) -> u64 {
        self.trie.entries()
    }

    #[getter]
    fn tops(&self) -> bool {
        self.trie.tops()
    }

    #[getter]
    fn size(&self) -> usize {
        self.trie.size()
    }

    #[getter]
    #[allow(clippy::unused_self)]
    fn version(&self) -> u32 {
        trie::FORMAT_VERSION
    }

    #[getter]
    fn checksum(&self) -> String {
        format!("{:016x}", self.trie.checksum())
    }

    #[getter]
    fn counts(&self) -> BTreeMap<usize, u64> {
        self.trie.counts().iter().copied().enumerate().filter(|(_, count)| *count > 0).collect()
    }

    #[pyo3(signature = (name, /))]
    fn lookup(&self, name: &str) -> PyResult<(u64, Option<String>)> {
        let parsed = Name::parse(name.as_bytes()).map_err(|error| not_a_name(name, error))?;
        let found = self.trie.lookup(&parsed);
        let entry = (found.labels > 0).then(|| parsed.ancestor(usize::from(found.labels)).to_string());
        Ok((found.categories, entry))
    }

    #[pyo3(signature = (*, under=None, containing=None))]
    fn walk(&self, py: Python<'_>, under: Option<&str>, containing: Option<String>) -> PyResult<Entries> {
        let name = under.map(|text| Name::parse(text.as_bytes()).map_err(|error| not_a_name(text, error)));
        let name = name.transpose()?;
        let walk = py.detach(|| Walk::new(&self.trie, name.as_ref()));
        Ok(Entries::new(self.trie.clone(), walk, containing.map(|text| text.to_ascii_lowercase())))
    }

    fn tables<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &delta::tables(&self.trie))
    }

    #[pyo3(signature = (new, /))]
    fn delta<'py>(&self, py: Python<'py>, new: &Self) -> (u64, u64, u64, Vec<Bound<'py, PyBytes>>) {
        let made = py.detach(|| delta::make(&self.trie, &new.trie));
        let sections = made.sections.iter().map(|section| PyBytes::new(py, section)).collect();
        (made.added, made.removed, made.changed, sections)
    }

    #[pyo3(signature = (delta, fd, /))]
    fn apply(&self, py: Python<'_>, delta: &[u8], fd: RawFd) -> PyResult<u64> {
        let mut out = File::from(duplicate(fd).map_err(|error| system_error(&error))?);
        py.detach(|| delta::apply(&self.trie, delta, &mut out)).map_err(|error| match error {
            DeltaError::Unwritable(error) => system_error(&error),
            damaged @ DeltaError::Damaged(_) => BlocklistError::new_err(damaged.to_string()),
        })
    }
}
