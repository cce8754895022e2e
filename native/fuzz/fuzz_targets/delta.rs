//! Applying whatever bytes to a blocklist neither panics nor hangs; what it makes is a blocklist.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use safedns_core::name::Name;
use safedns_core::trie::delta::{apply, make};
use safedns_core::trie::{Builder, Scope, Source, Trie, LISTS};

/// Entries of every kind.
const LISTED: [(&str, Scope, bool); 6] = [
    ("example.com", Scope::Suffix, false),
    ("www.example.com", Scope::Suffix, true),
    ("a.b.c.vn", Scope::Exact, false),
    ("vn", Scope::Below, false),
    ("xn--p1ai", Scope::Suffix, false),
    ("example.net", Scope::Suffix, false),
];

fn blocklist(listed: &[(&str, Scope, bool)]) -> Trie<Vec<u8>> {
    let mut builder = Builder::new(vec![Source { categories: 5, layer: LISTS, allow: false }]);
    for (text, scope, exception) in listed {
        let name = Name::parse(text.as_bytes()).expect("a name");
        builder.add(&name, 0, *scope, *exception, 1).expect("memory takes everything");
    }
    let mut bytes = Vec::new();
    builder.finish(7, &mut bytes, |_, _| Ok(())).expect("memory takes everything");
    Trie::open(bytes).expect("what the builder wrote")
}

fn old() -> &'static (Trie<Vec<u8>>, Vec<u8>) {
    static OLD: OnceLock<(Trie<Vec<u8>>, Vec<u8>)> = OnceLock::new();
    OLD.get_or_init(|| {
        let (old, new) = (blocklist(&LISTED[..5]), blocklist(&LISTED[2..]));
        let delta = make(&old, &new).sections.concat();
        (old, delta)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (old, delta) = old();
    // A delta that is right but for some octets, so that the fuzzer gets to what is behind the tables: pairs of place and octet.
    let mut changed = delta.clone();
    for change in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
        changed[at] = change[2];
    }
    for delta in [bytes, &changed] {
        let mut made = Vec::new();
        match apply(old, delta, &mut made) {
            Ok(_) => assert!(Trie::open(made).is_ok()),
            Err(_) => assert!(made.is_empty()),
        }
    }
});
