//! What to do with a name: an immutable snapshot that is compiled elsewhere and swapped whole.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;

use crate::name::Name;

/// How a blocked name is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The block page's address for A and AAAA, NODATA for the rest.
    Sinkhole,
    /// NXDOMAIN with SOA.
    NxDomain,
    /// The unspecified address for A and AAAA, NODATA for the rest.
    Null,
    /// REFUSED.
    Refused,
}

/// How a special name is answered (RFC 6761, RFC 6303 and others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// NXDOMAIN with SOA.
    NxDomain,
    /// NOERROR without records.
    NoData,
    /// The loopback addresses (RFC 6761 section 6.3).
    Loopback,
}

/// A blocked category and how its names are answered.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Category number, 0 to 63.
    pub category: u8,
    /// Answer mode.
    pub mode: Mode,
    /// Extended DNS Error code (RFC 8914).
    pub error: u16,
    /// EXTRA-TEXT for any client.
    pub text: Box<[u8]>,
    /// EXTRA-TEXT for clients that ask for the structured form.
    pub structured: Box<[u8]>,
}

/// What is known of a name before any list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// Answered here.
    Special(Special),
    /// No list may block it.
    Protected,
}

/// A network that may ask.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    address: u128,
    mask: u128,
    v4: bool,
}

impl Network {
    /// A network from its address and prefix length in bits; None if the length is too large for the address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let (value, width) = bits(address);
        let shift = u32::from(width.checked_sub(prefix)?);
        let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
        Some(Self { address: value & mask, mask, v4: width == 32 })
    }

    fn contains(&self, value: u128, v4: bool) -> bool {
        self.v4 == v4 && value & self.mask == self.address
    }
}

/// An address as a number, and its width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

/// The snapshot.
#[derive(Debug, Default)]
pub struct Policy {
    /// Blocked categories, strongest first.
    pub rules: Vec<Rule>,
    /// The same as a set.
    blocked: u64,
    local: HashMap<Box<[u8]>, Local>,
    /// Networks that may ask.
    pub clients: Vec<Network>,
    /// Address of the block page; None is the address that the query came in on.
    pub sinkhole_v4: Option<Ipv4Addr>,
    /// The same for AAAA.
    pub sinkhole_v6: Option<Ipv6Addr>,
    /// TTL in seconds of answers to blocked names.
    pub block_ttl: u32,
}

impl Policy {
    /// Append a rule, weaker than those before it.
    pub fn push_rule(&mut self, rule: Rule) {
        self.blocked |= 1 << rule.category;
        self.rules.push(rule);
    }

    /// Set what is known of a name and all below it.
    pub fn insert_local(&mut self, name: &Name, local: Local) {
        self.local.insert(name.wire().into(), local);
    }

    /// What is known of a name before any list: by the most specific entry at or above it.
    pub fn local(&self, name: &Name) -> Option<Local> {
        self.local_entry(name).map(|(local, _)| local)
    }

    /// As [`Policy::local`], with the number of labels of the entry.
    pub fn local_entry(&self, name: &Name) -> Option<(Local, usize)> {
        let lookup = |labels| self.local.get(name.suffix(labels)).map(|local| (*local, labels));
        (1..=name.labels()).rev().find_map(lookup)
    }

    /// The strongest rule that blocks one of these categories.
    pub fn blocks(&self, categories: u64) -> Option<&Rule> {
        let hit = categories & self.blocked;
        if hit == 0 {
            return None;
        }
        self.rules.iter().find(|rule| hit >> rule.category & 1 == 1)
    }

    /// Whether a client may ask. IPv4 clients of an IPv6 socket count as IPv4.
    pub fn admits(&self, client: IpAddr) -> bool {
        let (value, width) = bits(client.to_canonical());
        self.clients.iter().any(|network| network.contains(value, width == 32))
    }
}
