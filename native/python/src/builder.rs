//! `Builder` and `Built`.

use std::fs::File;
use std::io;
use std::io::{BufWriter, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::fs::FileExt;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use safedns_core::name::Name;
use safedns_core::trie::origins::{OriginsError, Previous, Writer};
use safedns_core::trie::{self, ReadAt, Scope, Source, Storage, MAX_SOURCES, OPERATOR};

use crate::error::{system_error, BlocklistError};
use crate::mapped::duplicate;
use crate::origins::{open_origins, OnDisk};
use crate::system::check;

/// A row for a source: categories, layer, whether it allows.
type Row = (u64, u8, bool);

/// A file without a name: it is gone when it is closed, whatever happens.
struct Temporary {
    file: File,
}

impl Temporary {
    fn boxed(folder: &std::ffi::CStr) -> io::Result<Box<dyn Storage + Send + Sync>> {
        let flags = libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC;
        // SAFETY: the folder is a C string; the descriptor is owned from here on.
        let file = unsafe { File::from_raw_fd(check(libc::open(folder.as_ptr(), flags, 0o600))?) };
        Ok(Box::new(Self { file }))
    }
}

impl ReadAt for Temporary {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.file, buffer, offset)
    }
}

impl Storage for Temporary {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

/// Collects names for a blocklist.
#[pyclass(module = "safedns._native")]
pub struct Builder {
    sources: Vec<Source>,
    memory: usize,
    folder: std::ffi::CString,
    names: trie::Builder,
}

impl Builder {
    fn empty(sources: &[Source], memory: usize, folder: &std::ffi::CStr) -> trie::Builder {
        let folder = folder.to_owned();
        trie::Builder::with_storage(sources.to_vec(), memory, Box::new(move || Temporary::boxed(&folder)))
    }
}

#[pymethods]
impl Builder {
    #[new]
    #[pyo3(signature = (sources, /, *, memory=1 << 28, folder=None))]
    fn new(sources: Vec<Row>, memory: usize, folder: Option<String>) -> PyResult<Self> {
        if sources.len() > MAX_SOURCES {
            return Err(PyValueError::new_err(format!(
                "expected at most {MAX_SOURCES} sources, found {}",
                sources.len()
            )));
        }
        if let Some((_, layer, _)) = sources.iter().find(|(_, layer, _)| *layer > OPERATOR) {
            return Err(PyValueError::new_err(format!("expected layer 0 or 1, found {layer}")));
        }
        let sources: Vec<_> =
            sources.into_iter().map(|(categories, layer, allow)| Source { categories, layer, allow }).collect();
        let folder = folder.unwrap_or_else(|| std::env::temp_dir().to_string_lossy().into_owned());
        let folder = std::ffi::CString::new(folder)?;
        let names = Self::empty(&sources, memory, &folder);
        Ok(Self { sources, memory, folder, names })
    }

    #[pyo3(signature = (names, source, /, *, scope=0, allow=false, first=1, numbers=None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of Python
    fn add(
        &mut self,
        py: Python<'_>,
        names: &[u8],
        source: u32,
        scope: u8,
        allow: bool,
        first: u32,
        numbers: Option<&[u8]>,
    ) -> PyResult<Vec<(usize, &'static str)>> {
        if source as usize >= self.sources.len() {
            let count = self.sources.len();
            return Err(PyValueError::new_err(format!("expected one of {count} sources, found number {source}")));
        }
        let scope = match scope {
            0 => Scope::Suffix,
            1 => Scope::Exact,
            2 => Scope::Below,
            _ => return Err(PyValueError::new_err(format!("expected scope 0, 1 or 2, found {scope}"))),
        };
        let lines = Lines { first, numbers };
        lines.check(names)?;
        let builder = &mut self.names;
        let added = py.detach(|| {
            let mut rejected = Vec::new();
            for (index, line) in names.split(|octet| *octet == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
                match Name::parse(line) {
                    Ok(name) => builder.add(&name, source, scope, allow, lines.number(index))?,
                    Err(error) => rejected.push((index, error.reason())),
                }
            }
            Ok(rejected)
        });
        added.map_err(|error: io::Error| system_error(&error))
    }

    #[pyo3(signature = (fd, /, *, serial=1, origins=None, header=None, previous=None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of Python
    fn write(
        &mut self,
        py: Python<'_>,
        fd: RawFd,
        serial: u64,
        origins: Option<RawFd>,
        header: Option<Vec<u8>>,
        previous: Option<(String, Vec<i64>)>,
    ) -> PyResult<Built> {
        let mut out = own(fd)?;
        let previous = previous.map(|(path, numbers)| open_previous(&path, &numbers)).transpose()?;
        let mut writer = match origins {
            Some(fd) => {
                let file = BufWriter::new(own(fd)?);
                let writer = Writer::new(file, serial, header.unwrap_or_default(), previous);
                Some(writer.map_err(|error| system_error(&error))?)
            }
            None => None,
        };
        let names = std::mem::replace(&mut self.names, Self::empty(&self.sources, self.memory, &self.folder));
        // Seconds for millions of names: let other threads show progress meanwhile.
        let built = py.detach(|| {
            let built = names.finish(serial, &mut out, |key, said| match &mut writer {
                Some(writer) => writer.push(key, said).map_err(into_io),
                None => Ok(()),
            })?;
            writer.map(Writer::finish).transpose()?;
            Ok(built)
        });
        built.map(Built).map_err(|error| write_error(&error))
    }
}

/// A descriptor of the caller's as a file.
fn own(fd: RawFd) -> PyResult<File> {
    Ok(File::from(duplicate(fd).map_err(|error| system_error(&error))?))
}

/// The origins that were written before; sources that are gone have the number -1.
fn open_previous(path: &str, numbers: &[i64]) -> PyResult<Previous<OnDisk>> {
    let numbers = numbers.iter().map(|number| u32::try_from(*number).ok()).collect();
    Ok(Previous::new(open_origins(path)?, numbers))
}

/// Let an error of the origins before pass through the builder.
fn into_io(error: OriginsError) -> io::Error {
    match error {
        OriginsError::Unreadable(error) => error,
        damaged @ OriginsError::Damaged(_) => io::Error::new(io::ErrorKind::InvalidData, damaged),
    }
}

fn write_error(error: &io::Error) -> PyErr {
    match error.kind() {
        io::ErrorKind::InvalidData => BlocklistError::new_err(format!("the origins before: {error}")),
        _ => system_error(error),
    }
}

/// Lines of the file by line of a batch.
struct Lines<'a> {
    first: u32,
    numbers: Option<&'a [u8]>,
}

impl Lines<'_> {
    /// Every line must have its number.
    fn check(&self, names: &[u8]) -> PyResult<()> {
        let Some(numbers) = self.numbers else { return Ok(()) };
        let lines = names.strip_suffix(b"\n").unwrap_or(names).split(|octet| *octet == b'\n').count();
        let found = numbers.len() / 4;
        if found < lines {
            return Err(PyValueError::new_err(format!("expected numbers of {lines} lines, found {found}")));
        }
        Ok(())
    }

    fn number(&self, index: usize) -> u32 {
        match self.numbers {
            Some(numbers) => numbers.chunks_exact(4).nth(index).map_or(0, number),
            None => self.first.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)),
        }
    }
}

/// A native 32-bit number.
fn number(octets: &[u8]) -> u32 {
    octets.first_chunk().copied().map_or(0, u32::from_ne_bytes)
}

/// What was compiled.
#[pyclass(frozen, module = "safedns._native")]
pub struct Built(trie::Built);

#[pymethods]
impl Built {
    #[getter]
    fn names(&self) -> u64 {
        self.0.names
    }

    #[getter]
    fn entries(&self) -> u64 {
        self.0.entries
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.bytes
    }

    #[getter]
    fn sources(&self) -> Vec<(u64, u64, u64)> {
        self.0.sources.iter().map(|counts| (counts.names, counts.alone, counts.dropped)).collect()
    }

    #[getter]
    fn overlaps(&self) -> Vec<(u32, u32, u64)> {
        self.0.overlaps.clone()
    }
}
