//! What every packet pays for, without I/O: bytes, a client address and the time go in, a reply or a forward comes out.
#![forbid(unsafe_code)]

pub mod name;
pub mod trie;
