//! The verdict on a name, and the replies to names that are blocked or special.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answer::{Answer, Targets};
use crate::exchange::Peer;
use crate::message::{rcode, rtype, Query, CLASS_ANY, CLASS_IN};
use crate::name::Name;
use crate::policy::{Local, Mode, Policy, Rule, Special};
use crate::reply::{self, Asker, Content};
use crate::trie::{Place, Trie};

/// TTL in seconds of answers to special names: they never change.
pub const SPECIAL_TTL: u32 = 3_600;

/// What looks names up: the compiled blocklist.
pub trait Lists {
    /// Categories of a name, as a set: bit n is category n.
    fn categories(&self, name: &Name) -> u64;

    /// Where a look-up of a name will wait for memory.
    fn place(&self, name: &Name) -> Place;

    /// Fetch what is at these places, for look-ups that follow.
    fn warm(&self, places: &mut [Place]);
}

impl<B: AsRef<[u8]>> Lists for Trie<B> {
    fn categories(&self, name: &Name) -> u64 {
        self.lookup(name).categories
    }

    fn place(&self, name: &Name) -> Place {
        Trie::place(self, name)
    }

    fn warm(&self, places: &mut [Place]) {
        Trie::warm(self, places);
    }
}

/// What is decided about a name.
pub enum Verdict<'p> {
    /// Answered here.
    Special(Special),
    /// Blocked by this rule.
    Blocked(&'p Rule),
    /// Allowed so far; the categories of the name itself, and whether lists are asked about its aliases.
    Allowed(u64, bool),
}

/// What special names, protected names and lists say of a name, in this order.
pub fn decide<'p, L: Lists>(policy: &'p Policy, lists: Option<&L>, name: &Name) -> Verdict<'p> {
    match policy.local(name) {
        Some(Local::Special(special)) => return Verdict::Special(special),
        Some(Local::Protected) => return Verdict::Allowed(0, false),
        None => {}
    }
    let categories = lists.map_or(0, |lists| lists.categories(name));
    match policy.blocks(categories) {
        Some(rule) => Verdict::Blocked(rule),
        None => Verdict::Allowed(categories, true),
    }
}

/// Categories of the aliases in an answer, protected ones left out.
pub fn alias_categories<L: Lists>(answer: &Answer, wanted: bool, policy: &Policy, lists: Option<&L>) -> u64 {
    let Some(lists) = lists.filter(|_| wanted) else { return 0 };
    Targets(&answer.targets)
        .filter_map(|target| Name::read(target, 0).ok())
        .filter(|(target, _)| policy.local(target) != Some(Local::Protected))
        .fold(0, |set, (target, _)| set | lists.categories(&target))
}

/// Answer a special name.
pub fn write_special(buffer: &mut [u8], asker: &Asker, question: &[u8], query: &Query, special: Special) -> usize {
    let address = is_internet(query.class);
    let content = match (special, query.qtype) {
        (Special::NxDomain, _) => Content::NxDomain,
        (Special::Loopback, rtype::A) if address => Content::Address(Ipv4Addr::LOCALHOST.into()),
        (Special::Loopback, rtype::AAAA) if address => Content::Address(Ipv6Addr::LOCALHOST.into()),
        _ => Content::NoData,
    };
    reply::write(buffer, asker, question, content, SPECIAL_TTL, None)
}

/// Whether a class can have addresses as we know them: IN, or any class.
fn is_internet(class: u16) -> bool {
    matches!(class, CLASS_IN | CLASS_ANY)
}

/// Answer a blocked name (design section "The answer to a blocked name").
pub fn write_blocked(
    buffer: &mut [u8],
    asker: &Asker,
    question: &[u8],
    (qtype, class): (u16, u16),
    policy: &Policy,
    rule: &Rule,
    peer: &Peer,
) -> usize {
    let local = peer.local.to_canonical();
    let sinkhole = match qtype {
        rtype::A => policy.sinkhole_v4.map(Into::into).or(Some(local).filter(IpAddr::is_ipv4)),
        _ => policy.sinkhole_v6.map(Into::into).or(Some(local).filter(IpAddr::is_ipv6)),
    };
    let content = match (rule.mode, qtype) {
        (Mode::Refused, _) => Content::Code(rcode::REFUSED),
        (Mode::NxDomain, _) => Content::NxDomain,
        _ if !is_internet(class) => Content::NoData,
        (Mode::Sinkhole, rtype::A | rtype::AAAA) => sinkhole.map_or(Content::NoData, Content::Address),
        (Mode::Null, rtype::A) => Content::Address(Ipv4Addr::UNSPECIFIED.into()),
        (Mode::Null, rtype::AAAA) => Content::Address(Ipv6Addr::UNSPECIFIED.into()),
        _ => Content::NoData,
    };
    let structured = asker.edns.is_some_and(|edns| edns.structured) && !rule.structured.is_empty();
    let text = if structured { &rule.structured } else { &rule.text };
    reply::write(buffer, asker, question, content, policy.block_ttl, Some((rule.error, text)))
}
