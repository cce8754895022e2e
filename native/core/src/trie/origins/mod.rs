//! The origins of a blocklist: which line of which source says what of a name, and since which serial.
//!
//! # Format, version 1
//!
//! All integers are little-endian. *Varint* is LEB128.
//!
//! | size | what |
//! | --- | --- |
//! | 8 | magic, [`MAGIC`] |
//! | 4 | format version |
//! | | blocks |
//! | | index: for each block its offset and its XXH3-64 (8 octets each) |
//! | | a header that whoever builds chooses |
//! | 8 | serial |
//! | 8 | number of rows |
//! | 8 | number of blocks |
//! | 8 | size of the header |
//! | 8 | size of the file |
//! | 8 | XXH3-64 of everything from the index on |
//!
//! A **block** holds whole names in the order of their keys: labels from the top level down, each behind its length. A
//! name is an octet with the number of octets that its key shares with the one before (0 for the first of a block), an
//! octet with the number of others, these, a varint with the number of rows, and the rows. A **row** is a varint of 8 ×
//! source + 2 × scope (0 suffix, 1 exact, 2 below) + 1 for an exception, a varint of the line, and one of the serial.
//!
//! Everything is checked before it is used: the end when the file is opened, a block when it is read.

mod read;
mod write;

use std::fmt;

pub use read::{Found, Names, Origins};
pub use write::{Previous, Writer};

/// First octets of a file of origins.
pub const MAGIC: [u8; 8] = *b"\x89SDNOR\r\n";

/// Version of the format that this build writes and reads.
pub const VERSION: u32 = 1;

/// Octets in front of the blocks.
const FRONT: usize = 12;

/// Octets of an entry of the index.
const INDEX: usize = 16;

/// Octets at the end.
const END: usize = 48;

/// Octets after which a block ends.
const BLOCK: usize = 4096;

/// Something that a source says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Source, scope and exception, as in [`Said`](super::Said).
    pub said: u32,
    /// Line of the source's file.
    pub line: u32,
    /// Serial with which it came in.
    pub since: u64,
}

/// Why a file of origins can't be used.
#[derive(Debug)]
pub enum OriginsError {
    /// It can't be read.
    Unreadable(std::io::Error),
    /// It is something else or was damaged; the text says what was expected and found.
    Damaged(String),
}

impl fmt::Display for OriginsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "can't be read: {error}"),
            Self::Damaged(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for OriginsError {}

impl From<std::io::Error> for OriginsError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error)
    }
}
