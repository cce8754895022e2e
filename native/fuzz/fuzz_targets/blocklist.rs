//! Bytes that are no blocklist are refused, and looking names up in whatever was not refused, or walking over it, neither
//! panics nor hangs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use safedns_core::name::Name;
use safedns_core::trie::format::{MAGIC, VERSION};
use safedns_core::trie::{Trie, Walk};

/// Names that reach every depth of a small blocklist and characters that have no symbol.
const QUERIES: [&str; 6] = ["com", "a.com", "www.example.com", "a.b.c.d.example.com", "xn--p1ai", "_x.z-9.vn"];

fuzz_target!(|bytes: &[u8]| {
    let _ = Trie::open(bytes);
    // A frame that is right, so that the fuzzer gets to what is behind it.
    let mut framed = bytes.to_vec();
    if let Some(frame) = framed.get_mut(..24) {
        frame[..8].copy_from_slice(&MAGIC);
        frame[8..12].copy_from_slice(&VERSION.to_le_bytes());
        frame[16..24].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    // The last octets spell a name, too.
    let spelt = bytes.rsplit(|octet| *octet == 0).next().and_then(|text| Name::parse(text).ok());
    if let Ok(trie) = Trie::attach(framed) {
        for name in QUERIES.iter().filter_map(|text| Name::parse(text.as_bytes()).ok()).chain(spelt) {
            let found = trie.lookup(&name);
            assert!(usize::from(found.labels) <= name.labels());
            assert_eq!(found.labels == 0, found.categories == 0);
        }
        let mut walk = Walk::new(&trie, None);
        let mut entries = 0;
        while walk.step(&trie).is_some() {
            entries += 1;
        }
        assert!(entries <= bytes.len());
    }
});
