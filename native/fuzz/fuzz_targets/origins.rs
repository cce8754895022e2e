//! Origins of whatever bytes are refused or answer, and neither panics nor hangs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use safedns_core::name::Name;
use safedns_core::trie::format::checksum;
use safedns_core::trie::origins::{Origins, MAGIC, VERSION};

/// A file with one block of these octets, whose checksums are right.
fn framed(block: &[u8]) -> Vec<u8> {
    let mut file = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
    let start = file.len();
    file.extend_from_slice(block);
    let index = file.len();
    for number in [start as u64, checksum(block)] {
        file.extend(number.to_le_bytes());
    }
    let size = (file.len() + 48) as u64;
    for number in [7, 1, 1, 0, size] {
        file.extend(u64::to_le_bytes(number));
    }
    file.extend(checksum(&file[index..]).to_le_bytes());
    file
}

fuzz_target!(|bytes: &[u8]| {
    for file in [bytes.to_vec(), framed(bytes)] {
        let size = file.len() as u64;
        let Ok(origins) = Origins::open(file, size) else { continue };
        for text in ["com", "www.example.com", "a.b.c.d.example.com"] {
            let name = Name::parse(text.as_bytes()).expect("a name");
            let _ = origins.find(&name);
        }
        let mut names = origins.into_names();
        let mut count = 0;
        while names.advance().is_ok_and(|more| more) {
            count += 1;
        }
        assert!(count <= bytes.len());
    }
});
