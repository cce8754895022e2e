//! Damaged files are refused, and look-ups in what was not refused are safe.

use proptest::prelude::*;

use super::{build_names, named, open, seal};
use crate::trie::format::HEADER;
use crate::trie::{Trie, TrieError};

/// Enough names for every kind of node: single and many buckets, with and without implied octets.
fn many() -> Vec<u8> {
    let names: Vec<String> = (0..3000).map(|n| format!("n{n}.{}", ["com", "co.uk", "b.c.d.e.vn"][n % 3])).collect();
    build_names(names.iter().map(String::as_str))
}

#[test]
fn every_truncation_is_refused() {
    let bytes = build_names(["example.com", "a.b.c.vn"]);
    for end in 0..bytes.len() {
        assert!(Trie::open(&bytes[..end]).is_err(), "{end} bytes");
        assert!(Trie::attach(&bytes[..end]).is_err(), "{end} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    let (expected, found) = (bytes.len() as u64, longer.len() as u64);
    assert_eq!(Trie::open(longer).err(), Some(TrieError::Size { expected, found }));
}

#[test]
fn every_flipped_bit_of_a_small_file_is_refused() {
    let bytes = build_names(["example.com", "a.b.c.vn"]);
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Trie::open(bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn errors_say_what_was_expected_and_found() {
    let whole = build_names(["example.com"]);
    let text = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        Trie::open(bytes).err().expect("a damaged file").to_string()
    };
    assert_eq!(text(&|bytes| bytes.truncate(3)), "expected a compiled blocklist of at least 592 bytes, found 3 bytes");
    assert!(text(&|bytes| bytes[..8].copy_from_slice(b"PK\x03\x04abcd")).ends_with("found \"PK\\x03\\x04abcd\""));
    assert!(text(&|bytes| bytes[8] = 9).contains("version 2, found version 9"));
    assert!(text(&|bytes| bytes.truncate(600)).contains("bytes, found 600: it was cut short"));
    assert!(text(&|bytes| bytes[24] ^= 1).contains("the file is damaged"));
    assert!(text(&|bytes| bytes[52] = 255).contains("in the header of the compiled blocklist"));
}

#[test]
fn sealed_nonsense_in_the_tables_is_refused_or_harmless() {
    let whole = many();
    for at in 0..HEADER + 700 {
        let mut bytes = whole.clone();
        bytes[at] = !bytes[at];
        seal(&mut bytes);
        if let Ok(trie) = Trie::open(bytes) {
            trie.lookup(&named("www.n7.co.uk"));
            super::walk::walk(&trie, None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn lookups_in_nonsense_are_safe(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..400),
        numbers in prop::collection::vec(0..3000_usize, 20),
    ) {
        let mut bytes = many();
        for (at, octet) in changes {
            let at = HEADER + at.index(bytes.len() - HEADER);
            bytes[at] = octet;
        }
        prop_assert!(Trie::open(&bytes[..]).is_err());
        if let Ok(trie) = Trie::attach(&bytes[..]) {
            prop_assert!(super::walk::walk(&trie, None).len() < bytes.len());
            for number in numbers {
                for top in ["com", "co.uk", "b.c.d.e.vn", "photography"] {
                    let name = named(&format!("www.n{number}.{top}"));
                    let found = trie.lookup(&name);
                    prop_assert!(usize::from(found.labels) <= name.labels());
                    prop_assert_eq!(found.labels == 0, found.categories == 0);
                }
            }
        }
    }
}

#[test]
fn undamaged_is_accepted() {
    let trie = open(many());
    assert_eq!(trie.lookup(&named("www.n4.co.uk")).labels, 3);
}
