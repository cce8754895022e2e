//! The trie against a plain dictionary, and against damage.

mod damage;
mod delta;
mod dictionary;
mod format;
mod origins;
mod shapes;
mod sources;
mod walk;

use super::{Builder, Scope, Source, Trie, LISTS};
use crate::name::Name;

/// One thing said of a name: labels, category, scope, whether it is an exception. Each category is a list of its own.
type Fact = (Vec<String>, u8, Scope, bool);

fn name(labels: &[String]) -> Name {
    Name::parse(labels.join(".").as_bytes()).expect("labels of letters")
}

fn named(text: &str) -> Name {
    Name::parse(text.as_bytes()).expect("a name")
}

/// A builder with a list for each category, which has its number.
fn builder() -> Builder {
    Builder::new((0..64).map(|category| Source { categories: 1 << category, layer: LISTS, allow: false }).collect())
}

fn add(builder: &mut Builder, name: &Name, category: u8) {
    builder.add(name, category.into(), Scope::Suffix, false, 1).expect("memory takes everything");
}

fn build(facts: &[Fact]) -> Vec<u8> {
    let mut builder = builder();
    for (labels, category, scope, exception) in facts {
        let added = builder.add(&name(labels), (*category).into(), *scope, *exception, 1);
        added.expect("memory takes everything");
    }
    finish(builder)
}

/// Compile names of one category.
fn build_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut builder = builder();
    names.into_iter().for_each(|text| add(&mut builder, &named(text), 1));
    finish(builder)
}

fn finish(builder: Builder) -> Vec<u8> {
    let mut bytes = Vec::new();
    let built = builder.finish(7, &mut bytes, |_, _| Ok(())).expect("memory takes everything");
    assert_eq!(built.bytes, bytes.len() as u64);
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
