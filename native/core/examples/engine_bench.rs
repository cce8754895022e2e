//! Nanoseconds of engine per query, without sockets: `engine_bench BLOCKLIST BLOCKED_NAMES ALLOWED_NAMES`.
//!
//! Prints JSON: the median of 15 rounds over 20,000 queries each, names spread over the file, in batches of 64 as the packet
//! loop has them: for queries that are blocked, cached, and parsed only; and blocked one by one, for what batches gain.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use portable_atomic::AtomicU64;
use safedns_core::counters::{Counters, COUNT};
use safedns_core::engine::{Engine, Limits};
use safedns_core::exchange::{Peer, Via};
use safedns_core::message::Query;
use safedns_core::policy::{Mode, Network, Policy, Rule};
use safedns_core::trie::Trie;
use safedns_core::upstream::Upstream;

const ROUNDS: usize = 15;
const QUERIES: usize = 20_000;
const BATCH: usize = 64;
const NOW: u64 = 1_000_000_000;

type Bench = Engine<Trie<Vec<u8>>>;

fn query(name: &str) -> Vec<u8> {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(label.len() as u8);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.extend_from_slice(&[0, 0, 1, 0, 1]);
    packet
}

/// Queries for names spread over the whole file.
fn queries(path: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(path).expect("a file of names");
    let names: Vec<&str> = text.lines().collect();
    // A step that is prime to any count here visits names in an order that no cache line or page knows.
    (0..QUERIES).map(|index| query(names[index * 7_919_317 % names.len()])).collect()
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn measure(packets: &[Vec<u8>], mut run: impl FnMut(&[u8])) -> f64 {
    let round = |_| {
        let start = Instant::now();
        for packet in packets {
            run(packet);
        }
        start.elapsed().as_nanos() as f64 / packets.len() as f64
    };
    median((0..ROUNDS).map(round).collect())
}

/// All of a batch is begun, then what takes a look-up is finished.
fn measure_batches(engine: &mut Bench, packets: &[Vec<u8>], peer: &Peer) -> f64 {
    let mut buffer = [0; 1232];
    let mut later = Vec::with_capacity(BATCH);
    let round = |_| {
        let start = Instant::now();
        for batch in packets.chunks(BATCH) {
            later.extend(batch.iter().filter(|packet| engine.begin(packet, peer, NOW, &mut buffer).is_none()));
            engine.warm();
            for packet in later.drain(..) {
                assert!(engine.finish(packet, peer, NOW, &mut buffer) > 0);
            }
        }
        start.elapsed().as_nanos() as f64 / packets.len() as f64
    };
    median((0..ROUNDS).map(round).collect())
}

fn engine(list: &str) -> Bench {
    let counters: &'static [AtomicU64] = Box::leak((0..COUNT).map(|_| AtomicU64::new(0)).collect());
    let limits = Limits { cache: 32 << 20, payload: 1232, outstanding: 4096, sockets: 64 };
    let mut engine = Bench::new([7; 32], Counters::new(counters), limits);
    let mut policy = Policy::default();
    let text = b"Blocked by SafeDNS: gambling".to_vec().into();
    policy.push_rule(Rule { category: 5, mode: Mode::Sinkhole, error: 17, text, structured: Box::default() });
    policy.clients.push(Network::new([127, 0, 0, 0].into(), 8).expect("a network"));
    engine.set_policy(Arc::new(policy));
    engine.set_lists(Some(Arc::new(Trie::open(std::fs::read(list).expect("a blocklist")).expect("a blocklist"))));
    engine.set_upstreams(vec![Upstream::new(([127, 0, 0, 1], 53).into())]);
    engine
}

/// Let an upstream answer each query with one address.
fn warm(engine: &mut Bench, packets: &[Vec<u8>], peer: &Peer) {
    let mut buffer = [0; 1232];
    for packet in packets {
        engine.query(packet, peer, NOW, &mut buffer);
        let outbox = engine.outbox();
        let Some(sent) = outbox.datagrams.pop() else { continue };
        let mut reply = outbox.bytes[sent.range].to_vec();
        let end = reply.len() - 11;
        reply.truncate(end);
        reply[2] = 0x81;
        reply[7] = 1;
        reply[11] = 0;
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1]);
        outbox.clear();
        engine.response(sent.lease.slot, &reply, NOW);
        engine.outbox().clear();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, list, blocked, allowed] = &arguments[..] else {
        eprintln!("usage: engine_bench BLOCKLIST BLOCKED_NAMES ALLOWED_NAMES");
        std::process::exit(2);
    };
    let peer = Peer { via: Via::Udp(0), address: ([127, 0, 0, 1], 4000).into(), local: [127, 0, 0, 1].into() };
    let mut engine = engine(list);
    let (blocked, allowed) = (queries(blocked), queries(allowed));
    warm(&mut engine, &allowed, &peer);
    let mut parsed = Query::new();
    let parse = measure(&blocked, |packet| assert!(parsed.parse(packet).is_ok()));
    let mut buffer = [0; 1232];
    let single = measure(&blocked, |packet| assert!(engine.query(packet, &peer, NOW, &mut buffer) > 0));
    let blocked = measure_batches(&mut engine, &blocked, &peer);
    let cached = measure_batches(&mut engine, &allowed, &peer);
    println!(
        "{{\"parse_ns\": {parse:.0}, \"blocked_ns\": {blocked:.0}, \"cached_ns\": {cached:.0}, \
         \"blocked_one_by_one_ns\": {single:.0}}}"
    );
}
