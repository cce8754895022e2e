//! The cache: answers by question, bounded in octets.
//!
//! Eviction is `quick_cache`'s (a CLOCK with ghost entries, resistant to scans, O(1)); ours are the key, the weights, and
//! what a cached name's categories were under which generation of the blocklist, so that a hit needs no look-up.

use std::cell::Cell;
use std::hash::BuildHasher;

use quick_cache::unsync::{Cache as Store, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use siphasher::sip::SipHasher13;

use crate::answer::Answer;
use crate::message::{AD, CD};
use crate::name::MAX_NAME;
use crate::reply::{wants_authentic, Asker};

/// Octets that an entry takes beside its key and answer, estimated from the structures and their allocations. A worker grew
/// by 2.9 MB with 10,000 answers that this counts as 2.7 MB.
const OVERHEAD: usize = 224;

/// Mean octets of an entry, from which the table is sized.
const MEAN_ENTRY: usize = 384;

/// Time that a failure is remembered, in seconds, the first time and at most: "at least 1 second ... MUST NOT be cached
/// for longer than 5 minutes" (RFC 9520 section 3.2).
const FIRST_FAILURE: u32 = 1;
const LONGEST_FAILURE: u32 = 60;

/// Time that an answer may be used when it is stale, in seconds: one day of the one to three that RFC 8767 section 5 allows.
const MAX_STALE: u32 = 86_400;

/// Time in seconds before a stale answer is refreshed again after a failure: "not more frequently than every 30 seconds"
/// (RFC 8767 section 5).
const STALE_RETRY: u32 = 30;

/// A question as a key: lower-case name, type, class and the flags that change answers.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; MAX_NAME + 5],
    length: usize,
}

impl Key {
    /// An empty key to set: the packet path keeps one.
    pub fn new() -> Self {
        Self { bytes: [0; MAX_NAME + 5], length: 0 }
    }

    /// Make it the key of a question.
    pub fn set(&mut self, name: &[u8], qtype: u16, class: u16, asker: &Asker) {
        let dnssec_ok = asker.edns.is_some_and(|edns| edns.dnssec_ok);
        let authentic = !dnssec_ok && wants_authentic(asker);
        let flags = u8::from(dnssec_ok) | u8::from(authentic) << 1 | u8::from(asker.flags & CD != 0) << 2;
        let end = name.len();
        self.bytes[..end].copy_from_slice(name);
        self.bytes[end..end + 2].copy_from_slice(&qtype.to_be_bytes());
        self.bytes[end + 2..end + 4].copy_from_slice(&class.to_be_bytes());
        self.bytes[end + 4] = flags;
        self.length = end + 5;
    }

    /// Make it a copy of a key's bytes.
    pub fn copy(&mut self, key: &[u8]) {
        self.bytes[..key.len()].copy_from_slice(key);
        self.length = key.len();
    }

    /// The key.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Change the type: 0 stands for all types.
    pub fn set_type(&mut self, qtype: u16) {
        let end = self.length - 5;
        self.bytes[end..end + 2].copy_from_slice(&qtype.to_be_bytes());
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// Header flags for an upstream that a key stands for, and whether signatures are wanted.
pub fn key_flags(key: &[u8]) -> (u16, bool) {
    let flags = key[key.len() - 1];
    let header = if flags & 2 != 0 { AD } else { 0 } | if flags & 4 != 0 { CD } else { 0 };
    (header, flags & 1 != 0)
}

/// What is known of a question.
#[derive(Debug)]
pub enum Known {
    /// An answer.
    Answer(Answer),
    /// It could not be resolved; so many times in a row.
    Failure(u8),
}

/// An entry.
#[derive(Debug)]
pub struct Entry {
    /// What is known.
    pub known: Known,
    /// When it was received, in seconds.
    stored: u32,
    /// When its time is over, in seconds.
    expires: u32,
    /// Second before which no upstream is asked again while this is stale.
    retry: Cell<u32>,
    /// Categories of the name and its aliases, and the generation of policy and blocklist that said so.
    verdict: Cell<(u32, u64)>,
}

impl Entry {
    /// Whether its time is not over.
    pub fn is_fresh(&self, now: u32) -> bool {
        now < self.expires
    }

    /// Seconds since it was received.
    pub fn age(&self, now: u32) -> u32 {
        now - self.stored
    }

    /// Whether its time is over but it may still stand in for an answer that can't be had (RFC 8767).
    pub fn is_stale(&self, now: u32) -> bool {
        now >= self.expires && now < self.expires + MAX_STALE && matches!(self.known, Known::Answer(_))
    }

    /// Upstreams were asked in vain: let them rest before this is refreshed again.
    pub fn rest(&self, now: u32) {
        self.retry.set(now + STALE_RETRY);
    }

    /// Whether upstreams were asked in vain just now.
    pub fn is_resting(&self, now: u32) -> bool {
        now < self.retry.get()
    }

    /// Categories under this generation, if known.
    pub fn categories(&self, generation: u32) -> Option<u64> {
        let (known, categories) = self.verdict.get();
        (known == generation).then_some(categories)
    }

    /// Remember the categories under a generation.
    pub fn set_categories(&self, generation: u32, categories: u64) {
        self.verdict.set((generation, categories));
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<[u8]>, Entry> for Weight {
    fn weight(&self, key: &Box<[u8]>, entry: &Entry) -> u64 {
        let heap = match &entry.known {
            Known::Answer(answer) => answer.heap(),
            Known::Failure(_) => 0,
        };
        (OVERHEAD + key.len() + heap) as u64
    }
}

/// Keyed hash: who chooses names can't choose collisions.
#[derive(Clone)]
pub struct Keyed(u64, u64);

impl Keyed {
    /// A hash function from a random key.
    pub fn new(key: (u64, u64)) -> Self {
        Self(key.0, key.1)
    }
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// The cache.
pub struct Cache(Store<Box<[u8]>, Entry, Weight, Keyed>);

impl Cache {
    /// A cache of at most `size` octets, with a random hash key.
    pub fn new(size: usize, hash: Keyed) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity((size / MEAN_ENTRY).max(16))
            .weight_capacity(size as u64)
            .build()
            .expect("both capacities are given");
        Self(Store::with_options(options, Weight, hash, DefaultLifecycle::default()))
    }

    /// What is known of a question.
    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.0.get(key)
    }

    /// Keep an answer from `now` (seconds); `verdict` as in [`Entry::categories`].
    pub fn insert(&mut self, key: &[u8], answer: Answer, now: u32, verdict: (u32, u64)) {
        let expires = now + answer.lifetime;
        let (retry, verdict) = (Cell::new(0), Cell::new(verdict));
        self.put(key, Entry { known: Known::Answer(answer), stored: now, expires, retry, verdict });
    }

    /// Remember that a question can't be resolved; each time in a row for twice as long. An answer, even a stale one,
    /// stays.
    pub fn fail(&mut self, key: &[u8], now: u32) {
        let before = match self.0.peek(key) {
            Some(entry) if entry.is_fresh(now) || entry.is_stale(now) => match entry.known {
                Known::Answer(_) => return,
                Known::Failure(times) => times,
            },
            Some(Entry { known: Known::Failure(times), expires, .. }) if now < expires + LONGEST_FAILURE => *times,
            _ => 0,
        };
        let expires = now + (FIRST_FAILURE << before.min(6)).min(LONGEST_FAILURE) + 1;
        let known = Known::Failure(before.saturating_add(1));
        self.put(key, Entry { known, stored: now, expires, retry: Cell::new(0), verdict: Cell::new((0, 0)) });
    }

    fn put(&mut self, key: &[u8], entry: Entry) {
        self.0.insert(key.into(), entry);
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Octets in use.
    pub fn size(&self) -> usize {
        self.0.weight() as usize
    }
}
