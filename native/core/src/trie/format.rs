//! The parts of the file around the nodes: header, tables, checksum. The layout is described [one level up](super).

use std::io::{self, Write};

use xxhash_rust::xxh3::{xxh3_64, Xxh3};

use super::error::TrieError;
use super::filter::WORD;
use super::symbols::{Symbol, Symbols};
use super::writer::Layout;
use super::Class;

/// First octets of a compiled blocklist; not text, and damaged by a transfer that rewrites line ends.
pub const MAGIC: [u8; 8] = *b"\x89SDNBL\r\n";

/// Version of the format that this build writes and reads.
pub const VERSION: u32 = 2;

/// Size of the header in bytes.
pub const HEADER: usize = 584;

/// Size of the checksum at the end in bytes.
pub const CHECKSUM: usize = 8;

/// The head octet after which code length and class are spelt out.
pub const ESCAPE: u8 = 255;

const SYMBOL: usize = 2;
const HEAD: usize = 6;
/// Size of a class in bytes.
pub(super) const CLASS: usize = 24;

/// What the head of an item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head {
    /// Number of its class.
    pub class: u32,
    /// Length of its code in octets.
    pub length: u8,
    /// Whether there is something below it.
    pub children: bool,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Seed of the label hash.
    pub seed: u32,
    /// Version of the content.
    pub serial: u64,
    /// Distinct names given to the builder.
    pub names: u64,
    /// Entries left.
    pub entries: u64,
    /// The root as an offset into the nodes.
    pub root: u32,
    /// Whether a top-level domain is an entry.
    pub tops: bool,
    /// Distinct names per category.
    pub counts: [u64; 64],
}

/// What the builder says of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Version of the content.
    pub serial: u64,
    /// Distinct names given to the builder.
    pub names: u64,
    /// Entries left.
    pub entries: u64,
    /// Distinct names per category.
    pub counts: [u64; 64],
}

/// Write a compiled blocklist. Returns its size.
pub fn write(layout: Layout, facts: &Facts, classes: Vec<Class>, out: &mut impl Write) -> io::Result<u64> {
    let Layout { symbols, heads, seed, nodes, root, tops, filter } = layout;
    let Facts { serial, names, entries, counts } = *facts;
    let header = Header { seed, serial, names, entries, root, tops, counts };
    let tables = Tables { header, filter: filter.len() * WORD, symbols, heads, classes };
    let front = tables.write(&filter, nodes.len());
    let mut hash = Xxh3::new();
    hash.update(&front);
    hash.update(&nodes);
    out.write_all(&front)?;
    out.write_all(&nodes)?;
    out.write_all(&hash.digest().to_le_bytes())?;
    Ok((front.len() + nodes.len() + CHECKSUM) as u64)
}

/// Everything but the nodes.
pub struct Tables {
    /// The header.
    pub header: Header,
    /// Size of the filter in bytes.
    pub filter: usize,
    /// The symbols of the label code.
    pub symbols: Symbols,
    /// The most frequent heads.
    pub heads: Vec<Head>,
    /// The classes, by number.
    pub classes: Vec<Class>,
}

impl Tables {
    /// The octets before the nodes, for nodes of `nodes` bytes.
    pub fn write(&self, filter: &[u64], nodes: usize) -> Vec<u8> {
        let size = self.nodes_start() + nodes + CHECKSUM;
        let mut out = Vec::with_capacity(self.nodes_start());
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(self.header.seed.to_le_bytes());
        for number in [size as u64, self.header.serial, self.header.names, self.header.entries] {
            out.extend(number.to_le_bytes());
        }
        for number in [self.symbols.list().len(), self.heads.len(), self.classes.len()] {
            out.extend((number as u32).to_le_bytes());
        }
        out.extend(self.header.root.to_le_bytes());
        out.extend((filter.len() as u32).to_le_bytes());
        out.extend(u32::from(self.header.tops).to_le_bytes());
        out.extend(self.header.counts.iter().flat_map(|count| count.to_le_bytes()));
        out.extend(filter.iter().flat_map(|word| word.to_le_bytes()));
        out.extend(self.symbols.list().iter().flat_map(|symbol| [symbol.previous, symbol.octet]));
        for head in &self.heads {
            out.extend(head.class.to_le_bytes());
            out.extend([head.length, u8::from(head.children)]);
        }
        for class in &self.classes {
            out.extend([class.suffix, class.exact, class.exception].iter().flat_map(|set| set.to_le_bytes()));
        }
        out
    }

    /// Read what stands before the nodes.
    pub fn read(bytes: &[u8]) -> Result<Self, TrieError> {
        check_frame(bytes)?;
        let count = |at| u32_at(bytes, at) as usize;
        let (symbols, heads, classes) = (count(48), count(52), count(56));
        let filter = count(64) * WORD;
        let tables =
            filter as u64 + symbols as u64 * SYMBOL as u64 + heads as u64 * HEAD as u64 + classes as u64 * CLASS as u64;
        let room = bytes.len() - HEADER - CHECKSUM;
        if tables > room as u64 {
            return Err(TrieError::Table { name: "header", expected: "tables that fit into the file", found: tables });
        }
        if heads > usize::from(ESCAPE) {
            return Err(TrieError::Table { name: "heads", expected: "at most 255 heads", found: heads as u64 });
        }
        let (symbol_bytes, rest) = bytes[HEADER + filter..].split_at(symbols * SYMBOL);
        let (head_bytes, rest) = rest.split_at(heads * HEAD);
        let list = symbol_bytes.chunks_exact(SYMBOL).map(|s| Symbol { previous: s[0], octet: s[1] }).collect();
        Ok(Self {
            header: read_header(bytes),
            filter,
            symbols: Symbols::new(list)?,
            heads: head_bytes.chunks_exact(HEAD).map(read_head).collect(),
            classes: rest[..classes * CLASS].chunks_exact(CLASS).map(read_class).collect(),
        })
    }

    /// Offset of the nodes in the file.
    pub fn nodes_start(&self) -> usize {
        HEADER + self.filter + self.symbols.list().len() * SYMBOL + self.heads.len() * HEAD + self.classes.len() * CLASS
    }
}

/// Magic, version and size.
fn check_frame(bytes: &[u8]) -> Result<(), TrieError> {
    let found = bytes.first_chunk::<8>().copied();
    match found {
        Some(found) if found != MAGIC => return Err(TrieError::Magic { found }),
        Some(_) if bytes.len() >= HEADER + CHECKSUM => (),
        _ => return Err(TrieError::TooShort { expected: HEADER + CHECKSUM, found: bytes.len() }),
    }
    let version = u32_at(bytes, 8);
    if version != VERSION {
        return Err(TrieError::Version { found: version });
    }
    let expected = u64_at(bytes, 16);
    if expected != bytes.len() as u64 {
        return Err(TrieError::Size { expected, found: bytes.len() as u64 });
    }
    Ok(())
}

/// Hash of everything before the checksum, and compare. The frame must have been checked.
pub fn verify(bytes: &[u8]) -> Result<(), TrieError> {
    let end = bytes.len() - CHECKSUM;
    let (expected, found) = (u64_at(bytes, end), checksum(&bytes[..end]));
    if expected == found {
        Ok(())
    } else {
        Err(TrieError::Checksum { expected, found })
    }
}

/// XXH3 with 64 bits.
pub fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

fn read_header(bytes: &[u8]) -> Header {
    let mut counts = [0; 64];
    for (index, count) in counts.iter_mut().enumerate() {
        *count = u64_at(bytes, 72 + 8 * index);
    }
    Header {
        seed: u32_at(bytes, 12),
        serial: u64_at(bytes, 24),
        names: u64_at(bytes, 32),
        entries: u64_at(bytes, 40),
        root: u32_at(bytes, 60),
        tops: u32_at(bytes, 68) != 0,
        counts,
    }
}

fn read_head(bytes: &[u8]) -> Head {
    Head { class: u32_at(bytes, 0), length: bytes[4], children: bytes[5] != 0 }
}

/// A class from its octets.
pub(super) fn read_class(bytes: &[u8]) -> Class {
    Class { suffix: u64_at(bytes, 0), exact: u64_at(bytes, 8), exception: u64_at(bytes, 16) }
}

/// A u32 of a part of the file whose size was checked.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// A u64 of a part of the file whose size was checked.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
