//! Why bytes are no compiled blocklist.

use std::fmt;

use super::format::{MAGIC, VERSION};

/// Why bytes are no compiled blocklist; the text says what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrieError {
    /// Shorter than the smallest blocklist.
    TooShort {
        /// Least size in bytes.
        expected: usize,
        /// Size in bytes.
        found: usize,
    },
    /// Something else than a compiled blocklist.
    Magic {
        /// The first octets.
        found: [u8; 8],
    },
    /// Written by a build that has another format.
    Version {
        /// Format version of the file.
        found: u32,
    },
    /// Cut short or grown.
    Size {
        /// Size in bytes that the header says.
        expected: u64,
        /// Size in bytes.
        found: u64,
    },
    /// Damaged.
    Checksum {
        /// Hash that is written in the file.
        expected: u64,
        /// Hash of what was read.
        found: u64,
    },
    /// A table that no builder writes.
    Table {
        /// Which one.
        name: &'static str,
        /// What was expected of it.
        expected: &'static str,
        /// The number that was found.
        found: u64,
    },
}

impl fmt::Display for TrieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { expected, found } => {
                write!(f, "expected a compiled blocklist of at least {expected} bytes, found {found} bytes")
            }
            Self::Magic { found } => {
                let (expected, found) = (MAGIC.escape_ascii(), found.escape_ascii());
                write!(f, "expected a compiled blocklist that begins with \"{expected}\", found \"{found}\"")
            }
            Self::Version { found } => {
                write!(f, "expected a compiled blocklist of version {VERSION}, found version {found}: compile it again")
            }
            Self::Size { expected, found } => {
                write!(f, "expected a compiled blocklist of {expected} bytes, found {found}: it was cut short or grew")
            }
            Self::Checksum { expected, found } => {
                write!(f, "expected content with checksum {expected:016x}, found {found:016x}: the file is damaged")
            }
            Self::Table { name, expected, found } => {
                write!(f, "expected {expected} in the {name} of the compiled blocklist, found {found}")
            }
        }
    }
}

impl std::error::Error for TrieError {}
