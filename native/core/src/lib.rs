//! What every packet pays for, without I/O: bytes, a client address and the time go in, a reply or a forward comes out.
//!
//! [`engine::Engine`] is the whole; the other modules are its parts, each testable on its own. Nothing here has a clock, a
//! socket, a file or randomness of its own: the binding crate gives it the time, packets, mapped bytes and a seed.
#![forbid(unsafe_code)]

pub mod answer;
pub mod cache;
pub mod counters;
pub mod engine;
pub mod exchange;
pub mod forward;
pub mod message;
pub mod name;
pub mod pace;
pub mod policy;
pub mod ports;
pub mod random;
pub mod reply;
pub mod trie;
pub mod upstream;
pub mod verdict;
