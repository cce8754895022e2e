//! The trie against a plain dictionary, and against damage.

mod damage;
mod dictionary;
mod format;
mod shapes;
mod walk;

use super::{Builder, Kind, Trie};
use crate::name::Name;

/// One thing said of a name: labels, category, kind.
type Fact = (Vec<String>, u8, Kind);

fn name(labels: &[String]) -> Name {
    Name::parse(labels.join(".").as_bytes()).expect("labels of letters")
}

fn named(text: &str) -> Name {
    Name::parse(text.as_bytes()).expect("a name")
}

fn build(facts: &[Fact]) -> Vec<u8> {
    let mut builder = Builder::new();
    for (labels, category, kind) in facts {
        builder.add(&name(labels), *category, *kind);
    }
    finish(builder)
}

/// Compile names of one category.
fn build_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut builder = Builder::new();
    names.into_iter().for_each(|text| builder.add(&named(text), 1, Kind::Suffix));
    finish(builder)
}

fn finish(builder: Builder) -> Vec<u8> {
    let mut bytes = Vec::new();
    let summary = builder.finish(7, &mut bytes).expect("memory takes everything");
    assert_eq!(summary.bytes, bytes.len() as u64);
    bytes
}

fn open(bytes: Vec<u8>) -> Trie<Vec<u8>> {
    Trie::open(bytes).expect("what the builder wrote")
}

/// Write the right checksum, as who wants to do harm would.
fn seal(bytes: &mut [u8]) {
    let end = bytes.len() - super::format::CHECKSUM;
    let checksum = super::format::checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
}
