//! A household in memory: an engine, a client that asks it, and an upstream that answers, all with a clock of their own.
#![allow(dead_code, missing_docs)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use portable_atomic::AtomicU64;
use safedns_core::counters::{self, Counters};
use safedns_core::engine::{Engine, Limits};
use safedns_core::exchange::{Peer, Via};
use safedns_core::name::Name;
use safedns_core::policy::{Local, Mode, Network, Policy, Rule, Special};
use safedns_core::trie::Place;
use safedns_core::upstream::Upstream;
use safedns_core::verdict::Lists;

pub const SECOND: u64 = 1_000_000_000;
pub const MILLI: u64 = 1_000_000;
pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const AAAA: u16 = 28;
pub const HTTPS: u16 = 65;

/// Categories by name, for the name and all below it.
#[derive(Default)]
pub struct Table(pub HashMap<String, u64>);

impl Lists for Table {
    fn place(&self, _: &Name) -> Place {
        Place::default()
    }

    fn warm(&self, _: &mut [Place]) {}

    fn categories(&self, name: &Name) -> u64 {
        (1..=name.labels()).filter_map(|labels| self.0.get(&name.ancestor(labels).to_string())).fold(0, |a, b| a | b)
    }
}

pub fn table(rows: &[(&str, u64)]) -> Arc<Table> {
    Arc::new(Table(rows.iter().map(|(name, set)| ((*name).to_owned(), *set)).collect()))
}

/// Wire form of a name, case kept.
pub fn wire(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// A query as clients send it.
pub fn query(id: u16, name: &str, qtype: u16) -> Vec<u8> {
    let mut packet = id.to_be_bytes().to_vec();
    packet.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    packet.extend(wire(name));
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet
}

/// Append an OPT record with raw options.
pub fn with_opt(mut packet: Vec<u8>, payload: u16, flags: u16, options: &[u8]) -> Vec<u8> {
    packet[11] += 1;
    packet.extend_from_slice(&[0, 0, 41]);
    packet.extend_from_slice(&payload.to_be_bytes());
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(&flags.to_be_bytes());
    packet.extend_from_slice(&(options.len() as u16).to_be_bytes());
    packet.extend_from_slice(options);
    packet
}

/// A record: owner in wire form or as a pointer.
pub fn record(owner: &[u8], rtype: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut out = owner.to_vec();
    out.extend_from_slice(&rtype.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
    out
}

pub const QNAME: &[u8] = &[0xc0, 12];

pub fn soa(owner: &[u8], ttl: u32, minimum: u32) -> Vec<u8> {
    let mut data = vec![0, 0];
    data.extend_from_slice(&[0; 16]);
    data.extend_from_slice(&minimum.to_be_bytes());
    record(owner, SOA, ttl, &data)
}

/// An upstream's answer to a query of ours: its header and question with these records.
pub fn answer(query: &[u8], code: u8, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
    let end = question_end(query);
    let mut packet = query[..end].to_vec();
    packet[2] = 0x81;
    packet[3] = 0x80 | code;
    packet[7] = answers.len() as u8;
    packet[9] = authority.len() as u8;
    packet[10..12].fill(0);
    for record in answers.iter().chain(authority) {
        packet.extend_from_slice(record);
    }
    packet
}

pub fn question_end(packet: &[u8]) -> usize {
    let mut position = 12;
    while packet[position] != 0 {
        position += usize::from(packet[position]) + 1;
    }
    position + 5
}

pub fn rcode(packet: &[u8]) -> u8 {
    packet[3] & 0xf
}

pub fn counts(packet: &[u8]) -> [u16; 4] {
    [4, 6, 8, 10].map(|at| u16::from_be_bytes([packet[at], packet[at + 1]]))
}

/// The Extended DNS Error in a reply: code and text.
pub fn error(packet: &[u8]) -> Option<(u16, String)> {
    let found = (12..packet.len().saturating_sub(5)).rev().find(|at| {
        packet[*at..*at + 2] == [0, 15]
            && usize::from(packet[*at + 2]) * 256 + usize::from(packet[*at + 3]) + at + 4 == packet.len()
    })?;
    let code = u16::from_be_bytes([packet[found + 4], packet[found + 5]]);
    Some((code, String::from_utf8_lossy(&packet[found + 6..]).into_owned()))
}

/// A query that left for an upstream.
#[derive(Clone, Debug)]
pub struct Sent {
    pub slot: u16,
    pub port: Option<u16>,
    pub address: SocketAddr,
    pub packet: Vec<u8>,
}

pub struct Home {
    pub engine: Engine<Table>,
    pub now: u64,
    pub counters: &'static [AtomicU64],
}

pub const GAMBLING: u8 = 5;
pub const MALWARE: u8 = 9;

pub fn rule(category: u8, mode: Mode, error: u16) -> Rule {
    let text = format!("category {category}").into_bytes().into();
    Rule { category, mode, error, text, structured: b"{\"j\":\"x\"}".to_vec().into() }
}

pub fn policy(rules: Vec<Rule>) -> Policy {
    let mut policy = Policy::default();
    for rule in rules {
        policy.push_rule(rule);
    }
    policy.block_ttl = 10;
    policy.clients = vec![Network::new([192, 168, 0, 0].into(), 16).unwrap()];
    policy.insert_local(&Name::parse(b"localhost").unwrap(), Local::Special(Special::Loopback));
    policy.insert_local(&Name::parse(b"onion").unwrap(), Local::Special(Special::NxDomain));
    policy.insert_local(&Name::parse(b"resolver.arpa").unwrap(), Local::Special(Special::NoData));
    policy.insert_local(&Name::parse(b"time.casino.example").unwrap(), Local::Protected);
    policy
}

impl Home {
    pub fn new() -> Self {
        Self::with_upstreams(1)
    }

    pub fn with_upstreams(count: u8) -> Self {
        Self::counting_in(Box::leak((0..counters::COUNT).map(|_| AtomicU64::new(0)).collect()), count)
    }

    pub fn counting_in(counters: &'static [AtomicU64], count: u8) -> Self {
        let limits = Limits { cache: 1 << 20, payload: 1232, outstanding: 256, sockets: 64 };
        let mut engine = Engine::new([7; 32], Counters::new(counters), limits);
        engine
            .set_policy(Arc::new(policy(vec![rule(MALWARE, Mode::NxDomain, 15), rule(GAMBLING, Mode::Sinkhole, 17)])));
        engine.set_lists(Some(table(&[("casino.example", 1 << GAMBLING), ("bad.example", 1 << MALWARE)])));
        engine.set_upstreams((1..=count).map(|last| Upstream::new(([9, 9, 9, last], 53).into())).collect());
        Self { engine, now: 1_000 * SECOND, counters }
    }

    pub fn peer(last: u8) -> Peer {
        Peer { via: Via::Udp(0), address: ([192, 168, 1, last], 4000).into(), local: [192, 168, 1, 1].into() }
    }

    pub fn stream(ticket: u64) -> Peer {
        Peer { via: Via::Stream(ticket), ..Self::peer(77) }
    }

    /// Send a packet from a client; the reply, if there is one now.
    pub fn send_from(&mut self, peer: &Peer, packet: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_535];
        let length = self.engine.query(packet, peer, self.now, &mut buffer);
        (length > 0).then(|| buffer[..length].to_vec())
    }

    pub fn send(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.send_from(&Self::peer(2), packet)
    }

    pub fn ask(&mut self, name: &str, qtype: u16) -> Option<Vec<u8>> {
        self.send(&with_opt(query(77, name, qtype), 4096, 0, &[]))
    }

    /// What left for upstreams since the last look.
    pub fn sent(&mut self) -> Vec<Sent> {
        let outbox = self.engine.outbox();
        let datagrams = std::mem::take(&mut outbox.datagrams);
        let sent = |datagram: safedns_core::forward::Datagram| Sent {
            slot: datagram.lease.slot,
            port: datagram.lease.open,
            address: datagram.address,
            packet: outbox.bytes[datagram.range].to_vec(),
        };
        datagrams.into_iter().map(sent).collect()
    }

    /// Replies to waiting clients since the last look.
    pub fn replies(&mut self) -> Vec<(Peer, Vec<u8>)> {
        let outbox = self.engine.outbox();
        let replies = std::mem::take(&mut outbox.replies);
        replies.into_iter().map(|(peer, range)| (peer, outbox.bytes[range].to_vec())).collect()
    }

    pub fn streams(&mut self) -> Vec<(u64, Vec<u8>)> {
        let streams = std::mem::take(&mut self.engine.outbox().streams);
        streams.into_iter().map(|query| (query.exchange, query.message)).collect()
    }

    pub fn respond(&mut self, sent: &Sent, packet: &[u8]) {
        self.engine.response(sent.slot, packet, self.now);
    }

    /// Let time pass in steps of the binding's timer.
    pub fn wait(&mut self, nanoseconds: u64) {
        let end = self.now + nanoseconds;
        while self.now < end {
            self.now = (self.now + 20 * MILLI).min(end);
            self.engine.expire(self.now);
        }
    }

    /// Resolve a name to the end with one address and a TTL.
    pub fn resolve(&mut self, name: &str, ttl: u32) {
        assert!(self.ask(name, A).is_none(), "{name} is not known yet");
        let sent = self.sent().pop().expect("an upstream was asked");
        let reply = answer(&sent.packet, 0, &[record(QNAME, A, ttl, &[192, 0, 2, 1])], &[]);
        self.respond(&sent, &reply);
        assert_eq!(self.replies().len(), 1);
    }

    /// The value of a counter by its row.
    pub fn counter(&self, metric: &str, labels: &str) -> u64 {
        let row = counters::layout().into_iter().find(|row| row.0 == metric && row.1 == labels).expect("a row");
        self.counters[row.2].load(portable_atomic::Ordering::Relaxed)
    }
}
