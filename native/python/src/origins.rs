//! `Origins`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use pyo3::prelude::*;
use safedns_core::name::Name;
use safedns_core::trie::origins::{self, OriginsError};
use safedns_core::trie::ReadAt;

use crate::error::{not_a_name, system_text, BlocklistError};

/// A file that is read where it is.
pub struct OnDisk(File);

impl ReadAt for OnDisk {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

/// Open a file of origins.
pub fn open_origins(path: &str) -> PyResult<origins::Origins<OnDisk>> {
    let open = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        origins::Origins::open(OnDisk(file), size)
    };
    open().map_err(|error| unusable(path, &error))
}

fn unusable(path: &str, error: &OriginsError) -> PyErr {
    let text = match error {
        OriginsError::Unreadable(error) => {
            format!("can't be read: {}", error.raw_os_error().map_or_else(|| error.to_string(), system_text))
        }
        OriginsError::Damaged(text) => text.clone(),
    };
    BlocklistError::new_err(format!("{path}: {text}"))
}

/// Which line of which source says what of a name.
#[pyclass(frozen, module = "safedns._native")]
pub struct Origins {
    path: String,
    origins: origins::Origins<OnDisk>,
}

/// Entry, source, line, scope, exception, since.
type Row = (String, u32, u32, u32, bool, u64);

#[pymethods]
impl Origins {
    #[staticmethod]
    #[pyo3(signature = (path, /))]
    fn open(path: String) -> PyResult<Self> {
        Ok(Self { origins: open_origins(&path)?, path })
    }

    #[getter]
    fn serial(&self) -> u64 {
        self.origins.serial()
    }

    #[getter]
    fn header(&self) -> &[u8] {
        self.origins.header()
    }

    #[pyo3(signature = (name, /))]
    fn find(&self, name: &str) -> PyResult<Vec<Row>> {
        let parsed = Name::parse(name.as_bytes()).map_err(|error| not_a_name(name, error))?;
        let found = self.origins.find(&parsed).map_err(|error| unusable(&self.path, &error))?;
        let row = |(labels, row): origins::Found| {
            let (scope, exception) = (row.said >> 1 & 3, row.said & 1 == 1);
            (parsed.ancestor(labels).to_string(), row.said >> 3, row.line, scope, exception, row.since)
        };
        Ok(found.into_iter().map(row).collect())
    }
}
