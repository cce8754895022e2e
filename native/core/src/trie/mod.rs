//! The compiled blocklist: a read-only trie over names that is mapped and used as it is.
//!
//! A look-up costs one or two cache misses whatever the size of the list, and a name of a real list costs about as much
//! as the entropy of its text. Four ideas do that:
//!
//! * A small filter in front tells most names that are not listed, which is what people mostly ask for.
//! * Labels are stored as codes of a [symbol table](symbols) that is trained on the list: one octet stands for several
//!   characters. A label has one code only, so the label of a query is encoded once and codes are compared.
//! * The children of a node are ordered by a fixed hash and cut into buckets of about eight, with an array of bucket
//!   offsets. A look-up reads one offset and scans one bucket.
//! * In a node of many children the first one or two octets of a code are not stored: the [place] of the bucket
//!   tells them. Comparison stays exact.
//!
//! # Meaning
//!
//! A look-up walks from the top-level domain down with an empty set. An entry removes the categories of its exceptions
//! and adds those of its suffixes; at the name itself it then toggles the exact ones. So an entry can be about a name and
//! what is below it, about the name only, or about what is below only. The builder keeps only what differs from what the
//! ancestors say: a name under an equally blocked parent is no entry, nor is an exception to nothing.
//!
//! What the builder is told comes from [sources](Source). Strongest first:
//!
//! 1. Of the operator's own entries at or above a name the most specific decides, per category.
//! 2. A list is evaluated by itself: its most specific entry decides. An exception of a list holds for that list only. A
//!    list that allows takes its categories from all lists, at the name and below, until a more specific entry of one
//!    gives them again. The categories of a name are those that a list gives.
//!
//! Said of the same name, an exception beats the others.
//!
//! # Format, version 2
//!
//! All integers are little-endian. *Varint* is LEB128.
//!
//! | offset | size | what |
//! | --- | --- | --- |
//! | 0 | 8 | magic, [`format::MAGIC`] |
//! | 8 | 4 | format version |
//! | 12 | 4 | seed of the label hash |
//! | 16 | 8 | size of the file |
//! | 24 | 8 | serial |
//! | 32 | 8 | distinct names given to the builder |
//! | 40 | 8 | entries |
//! | 48 | 4 | number of symbols |
//! | 52 | 4 | number of heads |
//! | 56 | 4 | number of classes |
//! | 60 | 4 | root, as an offset into the nodes |
//! | 64 | 4 | number of words of the filter |
//! | 68 | 4 | 1 if a top-level domain is an entry, else 0 |
//! | 72 | 512 | distinct names per category, 64 × u64 |
//! | 584 | | filter: 64-bit words |
//! | | | symbols: previous symbol, last octet (2 octets each) |
//! | | | heads: class u32, code length u8, has children u8 (6 octets each) |
//! | | | classes: suffix, exact and exception categories (3 × u64 each) |
//! | | | nodes |
//! | size − 8 | 8 | XXH3-64 of everything before it |
//!
//! The **filter** holds every node two labels deep, and deeper ones whose parent has offsets: XXH3-64 of the name in
//! lower-case wire form chooses a word (upper half) and four bits of it (six bits each from the lowest on).
//!
//! **Symbols** are numbered from 1. Those without a previous one come first and are single octets. A **code** is the
//! longest symbols from left to right; octet 0 is followed by an octet that is no symbol.
//!
//! A **node** begins with an octet: bits 0–1 the number of code octets that the place implies (*digits*), bits 2–4 the
//! width of an offset in octets. Width 0: a u16 size and one bucket. Else: u32 *rows*, then `rows × 256^digits + 1`
//! offsets, then the buckets; bucket `i` reaches from offset `i` to offset `i + 1`, counted from behind the offsets.
//! The root has offsets and no digits.
//!
//! A **bucket** is a run of at most [`place::MAX_BUCKET`] items in order of code length and code. An **item** is
//!
//! * a head: an octet that is an index into the heads, or 255, then an octet (code length, plus 128 if it has children)
//!   and the class as varint;
//! * the code without its first *digits* octets;
//! * if it has children: an octet with the size of the bucket that follows at once, or 0 and the u32 offset of a node.
//!
//! **Classes** are distinct triples of category sets; class 0 is the node that is no entry.

mod builder;
mod children;
pub mod delta;
mod error;
mod filter;
pub mod format;
mod merge;
pub mod origins;
pub mod place;
mod reader;
mod run;
mod sort;
mod storage;
pub mod symbols;
mod tops;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

pub use builder::{Builder, Built, Scope, Source, SourceCounts, LISTS, MAX_SOURCES, OPERATOR};
pub use error::TrieError;
pub use format::VERSION as FORMAT_VERSION;
pub use reader::{Place, Trie};
pub use sort::{MakeStorage, Said};
pub use storage::{ReadAt, Storage};
pub use walk::{Difference, Differences, Entry, Walk};

/// What a look-up found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Set of categories, bit `n` for category number `n`.
    pub categories: u64,
    /// Labels of the most specific entry that gave one of them; 0 if there is none.
    pub labels: u8,
}

/// What an entry does to the set of categories on the way down from the top level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// Added for the name and below.
    pub suffix: u64,
    /// Toggled for the name itself, after the others.
    pub exact: u64,
    /// Removed for the name and below.
    pub exception: u64,
}
