//! Questions that upstreams are asked, as a table: who waits, what was sent, when it is sent again.
//!
//! Spoofing (RFC 5452) is met here: a reply counts only if it came to the socket that the query left from (connected, so
//! the address is the kernel's to check), has its id, and repeats its question in the same random case. Whatever else
//! arrives is ignored and the wait goes on. Identical questions wait together, so there is one query to forge answers to.

mod receive;

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::ops::Range;

use hashbrown::{HashMap, HashTable};

use crate::answer::Answer;
use crate::cache::Keyed;
use crate::counters::{Counters, Single};
use crate::exchange::{id_key, write_query, Attempt, Exchange, Peer, Via, Waiter};
use crate::message::HEADER;
use crate::ports::{Lease, Ports};
use crate::random::Random;
use crate::upstream::Upstreams;

/// Nanoseconds after which a client hears something: RFC 8767 section 5 recommends 1.8 seconds.
pub const DEADLINE: u64 = 1_800_000_000;

/// Nanoseconds for which an answer is still welcome after its clients were told that there is none.
const AFTERLIFE: u64 = 2_000_000_000;

/// Queries to upstreams for one question over UDP ("at most 3 tries", RFC 9520 section 3.1).
const MAX_ATTEMPTS: usize = 3;

/// Clients that may wait at one time, for all questions.
const MAX_WAITING: usize = 16_384;

/// A query to send over UDP.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The socket.
    pub lease: Lease,
    /// Where to.
    pub address: SocketAddr,
    /// Octets in the outbox.
    pub range: Range<usize>,
}

/// A query to send over TCP.
#[derive(Clone, Debug)]
pub struct StreamQuery {
    /// Number by which the answer is handed over.
    pub exchange: u64,
    /// Where to.
    pub address: SocketAddr,
    /// The query.
    pub message: Vec<u8>,
}

/// What is to be sent.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Octets of replies and datagrams.
    pub bytes: Vec<u8>,
    /// Replies to clients.
    pub replies: Vec<(Peer, Range<usize>)>,
    /// Queries to upstreams.
    pub datagrams: Vec<Datagram>,
    /// Queries to upstreams over TCP.
    pub streams: Vec<StreamQuery>,
    /// Sockets to close.
    pub closes: Vec<u16>,
}

impl Outbox {
    /// Forget replies and datagrams that were sent; streams and closes are taken by their own.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.replies.clear();
        self.datagrams.clear();
    }
}

/// What came of a message from upstream.
pub enum Outcome {
    /// An answer to a question.
    Answer(u32, Box<Answer>),
    /// The answer to a signed query, to be passed as it is.
    Signed(u32),
    /// No upstream can answer.
    Failed(u32),
}

/// The table.
pub struct Forwarder {
    exchanges: Vec<Exchange>,
    free: Vec<u32>,
    by_key: HashTable<u32>,
    by_id: HashMap<u32, (u32, u8)>,
    hash: Keyed,
    ports: Ports,
    /// The upstreams.
    pub upstreams: Upstreams,
    random: Random,
    /// What is to be sent.
    pub outbox: Outbox,
    counters: Counters,
    waiting: usize,
    limit: usize,
}

impl Forwarder {
    /// An empty table for at most `limit` questions.
    pub fn new(mut random: Random, counters: Counters, limit: usize, sockets: usize) -> Self {
        Self {
            exchanges: Vec::new(),
            free: Vec::new(),
            by_key: HashTable::new(),
            by_id: HashMap::new(),
            hash: Keyed::new((random.u64(), random.u64())),
            ports: Ports::new(sockets),
            upstreams: Upstreams::default(),
            random,
            outbox: Outbox::default(),
            counters,
            waiting: 0,
            limit,
        }
    }

    /// Replace the upstreams. Questions that wait go on with the new ones.
    pub fn set_upstreams(&mut self, upstreams: Upstreams) {
        self.upstreams = upstreams;
        for index in 0..self.exchanges.len() as u32 {
            self.release(index);
            self.exchanges[index as usize].tried = 0;
        }
        let closes = &mut self.outbox.closes;
        self.ports.close_idle(u64::MAX, |slot| closes.push(slot));
    }

    /// Whether answers are awaited on the socket in a slot.
    pub fn expects(&self, slot: u16) -> bool {
        self.ports.outstanding(slot) > 0
    }

    /// Clients that wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Questions that wait.
    pub fn outstanding(&self) -> usize {
        self.exchanges.len() - self.free.len()
    }

    /// Whether there is nothing to time.
    pub fn is_idle(&self) -> bool {
        self.outstanding() == 0 && self.ports.is_empty()
    }

    /// The exchange at an index that an [`Outcome`] or [`Forwarder::expire`] named.
    pub fn exchange(&mut self, index: u32) -> &mut Exchange {
        &mut self.exchanges[index as usize]
    }

    /// Let a client wait for the answer to a question; asks an upstream unless the question is already asked.
    ///
    /// Returns whether it waits: not if too many do already.
    pub fn ask(&mut self, key: &[u8], signed: Option<&[u8]>, waiter: Waiter, now: u64) -> bool {
        if self.waiting >= MAX_WAITING {
            return false;
        }
        let hash = self.hash.hash_one(key);
        if signed.is_none() {
            let exchanges = &self.exchanges;
            let found = self.by_key.find(hash, |index| *exchanges[*index as usize].key == *key).copied();
            match found {
                Some(index) if exchanges[index as usize].overdue => drop(self.close(index)),
                Some(index) => {
                    self.exchanges[index as usize].waiters.push(waiter);
                    self.waiting += 1;
                    self.counters.count(Single::Coalesced);
                    return true;
                }
                None => {}
            }
        }
        if self.outstanding() >= self.limit || self.upstreams.0.is_empty() {
            return false;
        }
        let stream = matches!(waiter.peer.via, Via::Stream(_));
        let index = self.open(key, signed, waiter, now);
        if signed.is_none() {
            let exchanges = &self.exchanges;
            let rehash = |index: &u32| self.hash.hash_one(&*exchanges[*index as usize].key);
            self.by_key.insert_unique(hash, index, rehash);
        }
        // "SHOULD forward a TCP query over TCP" (RFC 5625 section 4.4.2), unless the upstream is known not to take it.
        if !(stream && self.start_stream(index, now)) {
            self.attempt(index, now);
            self.probe(index, now);
        }
        true
    }

    fn open(&mut self, key: &[u8], signed: Option<&[u8]>, waiter: Waiter, now: u64) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.exchanges.push(Exchange::default());
            self.exchanges.len() as u32 - 1
        });
        let exchange = &mut self.exchanges[index as usize];
        exchange.key = key.into();
        exchange.signed = signed.map(Into::into);
        exchange.waiters.push(waiter);
        exchange.deadline = now + DEADLINE;
        exchange.next = exchange.deadline;
        exchange.live = true;
        self.waiting += 1;
        index
    }

    /// Take an exchange out of the table: its key and who waited.
    pub fn close(&mut self, index: u32) -> (Box<[u8]>, Vec<Waiter>) {
        self.release(index);
        let exchange = &mut self.exchanges[index as usize];
        let generation = exchange.generation.wrapping_add(1);
        let taken = std::mem::replace(exchange, Exchange { generation, ..Exchange::default() });
        self.waiting -= taken.waiters.len();
        if taken.signed.is_none() {
            let hash = self.hash.hash_one(&*taken.key);
            if let Ok(entry) = self.by_key.find_entry(hash, |other| *other == index) {
                entry.remove();
            }
        }
        self.free.push(index);
        (taken.key, taken.waiters)
    }

    /// Take the clients of an exchange, to be told that there is no answer. It lives on while one may still come, for the
    /// cache.
    pub fn give_up(&mut self, index: u32, now: u64) -> Vec<Waiter> {
        let exchange = &mut self.exchanges[index as usize];
        if exchange.stream.is_none() && exchange.attempts.iter().all(|attempt| attempt.sent == 0) {
            return self.close(index).1;
        }
        exchange.overdue = true;
        exchange.deadline = now + AFTERLIFE;
        exchange.next = exchange.deadline;
        let waiters = std::mem::take(&mut exchange.waiters);
        self.waiting -= waiters.len();
        waiters
    }

    /// Forget the attempts of an exchange: replies to them count no more.
    fn release(&mut self, index: u32) {
        for attempt in self.exchanges[index as usize].attempts.drain(..) {
            self.by_id.remove(&id_key(attempt.slot, attempt.id));
            self.ports.release(attempt.slot);
        }
    }

    /// Send the question to the next upstream over UDP. Returns whether there was one, and tries left.
    fn attempt(&mut self, index: u32, now: u64) -> bool {
        let tried = self.exchanges[index as usize].tried;
        self.upstreams.choose(tried, &mut self.random).is_some_and(|upstream| self.send(index, upstream, now))
    }

    /// Let this question find out, too, whether a down upstream is back.
    fn probe(&mut self, index: u32, now: u64) {
        let tried = self.exchanges[index as usize].tried;
        if let Some(upstream) = self.upstreams.probe(tried, now) {
            self.send(index, upstream, now);
        }
    }

    fn send(&mut self, index: u32, upstream: u8, now: u64) -> bool {
        let exchange = &mut self.exchanges[index as usize];
        if exchange.attempts.len() >= MAX_ATTEMPTS || exchange.stream.is_some() || exchange.overdue {
            return false;
        }
        let Some(lease) = self.ports.lease(upstream, now, &mut self.random) else { return false };
        let mut id = self.random.u16();
        while self.by_id.contains_key(&id_key(lease.slot, id)) {
            id = self.random.u16();
        }
        let target = &self.upstreams.0[usize::from(upstream)];
        let case = if target.keeps_case(now) { self.random.u64() } else { 0 };
        let attempt = Attempt { upstream, slot: lease.slot, id, sent: now, case, edns: !exchange.plain };
        self.by_id.insert(id_key(lease.slot, id), (index, exchange.attempts.len() as u8));
        exchange.attempts.push(attempt);
        exchange.tried |= 1 << upstream;
        exchange.next = exchange.deadline.min(now + target.timeout());
        let start = self.outbox.bytes.len();
        write_query(&mut self.outbox.bytes, exchange, id, case, attempt.edns);
        let range = start..self.outbox.bytes.len();
        self.outbox.datagrams.push(Datagram { lease, address: target.address, range });
        self.counters.count(Single::UpstreamQueries);
        true
    }

    /// Ask over TCP from the beginning, if an upstream takes it.
    fn start_stream(&mut self, index: u32, now: u64) -> bool {
        match self.upstreams.choose(0, &mut self.random) {
            Some(upstream) if self.upstreams.0[usize::from(upstream)].takes_streams(now) => {
                self.send_stream(index, upstream);
                true
            }
            _ => false,
        }
    }

    /// Go on over TCP.
    fn send_stream(&mut self, index: u32, upstream: u8) {
        self.release(index);
        let id = self.random.u16();
        let exchange = &mut self.exchanges[index as usize];
        exchange.stream = Some((upstream, id));
        exchange.streams += 1;
        exchange.tried |= 1 << upstream;
        exchange.next = exchange.deadline;
        let mut message = Vec::with_capacity(exchange.key.len() + HEADER + 16);
        write_query(&mut message, exchange, id, 0, !exchange.plain);
        let address = self.upstreams.0[usize::from(upstream)].address;
        let exchange = u64::from(exchange.generation) << 32 | u64::from(index);
        self.outbox.streams.push(StreamQuery { exchange, address, message });
        self.counters.count(Single::UpstreamStreams);
    }

    /// Nothing listens behind a socket (ICMP port unreachable): its questions go elsewhere at once.
    pub fn unreachable(&mut self, slot: u16, now: u64, failed: &mut Vec<u32>) {
        self.counters.count(Single::UpstreamUnreachable);
        let upstream = self.ports.upstream(slot);
        if let Some(upstream) = self.upstreams.0.get_mut(usize::from(upstream)) {
            upstream.timed_out();
        }
        for index in 0..self.exchanges.len() as u32 {
            let exchange = &self.exchanges[index as usize];
            let lost = exchange.attempts.iter().find(|attempt| attempt.slot == slot && attempt.sent != 0).copied();
            let Some(attempt) = lost else { continue };
            self.forget_attempt(index, &attempt);
            let waits = self.exchanges[index as usize].attempts.iter().any(|attempt| attempt.sent != 0);
            let untried = self.upstreams.0.len() as u32 > self.exchanges[index as usize].tried.count_ones();
            let goes_on = (untried && self.attempt(index, now)) || waits;
            if !goes_on && self.exchanges[index as usize].stream.is_none() {
                failed.push(index);
            }
        }
    }

    /// A socket could not be opened or written to.
    pub fn send_failed(&mut self, slot: u16, now: u64, failed: &mut Vec<u32>) {
        self.unreachable(slot, now, failed);
        self.ports.forget(slot);
    }

    /// Send again what is due; `due` gets the exchanges whose clients have waited long enough.
    pub fn expire(&mut self, now: u64, due: &mut Vec<u32>) {
        for index in 0..self.exchanges.len() as u32 {
            let exchange = &self.exchanges[index as usize];
            if !exchange.live || now < exchange.next {
                continue;
            }
            if let Some(last) = exchange.attempts.iter().rev().find(|attempt| attempt.sent != 0) {
                let upstream = usize::from(last.upstream);
                if now >= last.sent + self.upstreams.0[upstream].timeout() && !exchange.overdue {
                    self.upstreams.0[upstream].timed_out();
                    self.counters.count(Single::UpstreamTimeouts);
                }
            }
            let (deadline, overdue) = (exchange.deadline, exchange.overdue);
            if now >= deadline && overdue {
                self.close(index);
            } else if now >= deadline {
                due.push(index);
            } else if !self.attempt(index, now) {
                self.exchanges[index as usize].next = deadline;
            }
        }
        let closes = &mut self.outbox.closes;
        self.ports.close_idle(now, |slot| closes.push(slot));
    }
}
