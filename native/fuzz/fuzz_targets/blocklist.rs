//! Bytes that are no blocklist are refused, and looking names up in whatever was not refused neither panics nor hangs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use safedns_core::name::Name;
use safedns_core::trie::Trie;

/// Names that reach every depth of a small blocklist and characters that have no symbol.
const QUERIES: [&str; 6] = ["com", "a.com", "www.example.com", "a.b.c.d.example.com", "xn--p1ai", "_x.z-9.vn"];

fuzz_target!(|bytes: &[u8]| {
    // The first octet chooses a length of name that the rest of the input spells, so that names grow with the input.
    let spelt = bytes.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length)));
    let spelt = spelt.and_then(|text| Name::parse(text).ok());
    let _ = Trie::open(bytes);
    if let Ok(trie) = Trie::attach(bytes) {
        for name in QUERIES.iter().filter_map(|text| Name::parse(text.as_bytes()).ok()).chain(spelt) {
            let found = trie.lookup(&name);
            assert!(usize::from(found.labels) <= name.labels());
            assert_eq!(found.labels == 0, found.categories == 0);
        }
    }
});
