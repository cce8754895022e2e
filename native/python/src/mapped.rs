//! A file's bytes, mapped.
//!
//! What `memfd_create(2)` calls a sealed file can never change or shrink again, so a mapping of it is safe to read for ever,
//! whatever happens to the file that it was read from: that is what a resolver has. A tool that looks into a file and ends
//! maps the file itself, which takes no time and no memory, and is killed if somebody cuts the file short meanwhile.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use crate::system::check;

const SEALS: libc::c_int = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// Octets copied at a time.
const CHUNK: usize = 256 << 10;

/// A mapped file.
pub struct Mapped {
    file: OwnedFd,
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is read-only; reading it from any thread is a plain shared read.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Copy a file into memory and seal the copy.
    pub fn copy(source: &mut File) -> io::Result<Self> {
        // SAFETY: the name is a C string; the descriptor is owned from here on.
        let mut memory = unsafe {
            let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
            File::from_raw_fd(check(libc::memfd_create(c"safedns-blocklist".as_ptr(), flags))?)
        };
        let mut chunk = vec![0; CHUNK];
        loop {
            match source.read(&mut chunk)? {
                0 => break,
                count => memory.write_all(&chunk[..count])?,
            }
        }
        // SAFETY: plain numbers.
        check(unsafe { libc::fcntl(memory.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
        Self::map(memory)
    }

    /// Map a sealed file that another process may have made; the descriptor is duplicated.
    pub fn attach(fd: RawFd) -> io::Result<Self> {
        // Without the seals the file could shrink under the mapping, so they are demanded.
        if !has_seals(fd) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the file is not sealed"));
        }
        Self::map(File::from(duplicate(fd)?))
    }

    /// Whether nobody can change it or cut it short.
    pub fn is_sealed(&self) -> bool {
        has_seals(self.fd())
    }

    /// Map a file as it is.
    pub fn map(file: File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty"));
        }
        // SAFETY: a new shared read-only mapping of a file of this length; the result is checked.
        let address =
            unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { file: file.into(), address, length })
    }

    /// Its descriptor.
    pub fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the mapping has this length and lives as long as `self`. Its bytes never change if the file is sealed; else
        // nobody changes them: our files are replaced by others and never written again.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made, and nobody can borrow it any more.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}

/// Whether a file has all seals; one that can't be sealed has none.
fn has_seals(fd: RawFd) -> bool {
    // SAFETY: plain numbers.
    check(unsafe { libc::fcntl(fd, libc::F_GET_SEALS) }).is_ok_and(|seals| seals & SEALS == SEALS)
}

/// A descriptor of one's own for a file that somebody else has open.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the duplicate is owned from here on.
    Ok(unsafe { OwnedFd::from_raw_fd(check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))?) })
}
