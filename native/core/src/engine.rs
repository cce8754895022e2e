//! The path of a query, in the order in which it is decided: parse, special names, verdict, cache, upstream.

use std::sync::Arc;

use crate::answer::{Age, Answer};
use crate::cache::{Cache, Key, Keyed, Known};
use crate::counters::{Counters, Protocol, Single};
use crate::exchange::{Peer, Via, Waiter};
use crate::forward::{Forwarder, Outbox, Outcome};
use crate::message::{rcode, rtype, u16_at, Fault, Query, CLASS_IN, HEADER, RD};
use crate::name::Name;
use crate::policy::Policy;
use crate::random::Random;
use crate::reply::{self, Asker, Content};
use crate::trie::Place;
use crate::upstream::{Upstream, Upstreams};
use crate::verdict::{alias_categories, decide, write_blocked, write_special, Lists, Verdict, SPECIAL_TTL};

/// Extended DNS Errors (RFC 8914 section 4) of replies that are not verdicts.
const CACHED_ERROR: (u16, &[u8]) = (13, b"");
const NOT_AUTHORITATIVE: (u16, &[u8]) = (20, b"");
const NO_REACHABLE_AUTHORITY: (u16, &[u8]) = (22, b"no upstream resolver answered");
const NETWORK_ERROR: (u16, &[u8]) = (23, b"too many questions are waiting");

/// Octets of a reply beside its question and records: header, OPT record, Extended DNS Error.
const REPLY_ROOM: usize = HEADER + 11 + 6 + reply::MAX_EXTRA_TEXT + 128;

/// Limits of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of cache.
    pub cache: usize,
    /// Largest UDP reply in octets.
    pub payload: u16,
    /// Questions that may wait for upstreams.
    pub outstanding: usize,
    /// Sockets that may be open to upstreams.
    pub sockets: usize,
}

/// Answers queries. Times are nanoseconds of a monotonic clock.
pub struct Engine<L> {
    policy: Arc<Policy>,
    lists: Option<Arc<L>>,
    /// Counts changes of policy and lists: what was decided under another number is decided again.
    generation: u32,
    cache: Cache,
    forwarder: Forwarder,
    counters: Counters,
    limits: Limits,
    query: Query,
    key: Key,
    /// Where the look-ups of the present batch will read.
    places: Vec<Place>,
    indices: Vec<u32>,
}

/// Type and class of a query.
fn kind(query: &Query) -> (u16, u16) {
    (query.qtype, query.class)
}

fn seconds(now: u64) -> u32 {
    (now / 1_000_000_000) as u32
}

impl<L: Lists> Engine<L> {
    /// An engine without policy, lists and upstreams; `seed` is 32 octets of the system's randomness.
    pub fn new(seed: [u8; 32], counters: Counters, limits: Limits) -> Self {
        let mut random = Random::new(seed);
        let cache = Cache::new(limits.cache, Keyed::new((random.u64(), random.u64())));
        Self {
            policy: Arc::default(),
            lists: None,
            generation: 1,
            cache,
            forwarder: Forwarder::new(random, counters, limits.outstanding, limits.sockets),
            counters,
            limits,
            query: Query::new(),
            key: Key::new(),
            places: Vec::new(),
            indices: Vec::new(),
        }
    }

    /// Replace the policy.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
        self.generation = self.generation.wrapping_add(1);
    }

    /// Replace the lists.
    pub fn set_lists(&mut self, lists: Option<Arc<L>>) {
        self.lists = lists;
        self.generation = self.generation.wrapping_add(1);
    }

    /// Replace the upstreams.
    pub fn set_upstreams(&mut self, upstreams: Vec<Upstream>) {
        self.forwarder.set_upstreams(Upstreams(upstreams));
    }

    /// What is to be sent.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.forwarder.outbox
    }

    /// Clients that wait for upstreams.
    pub fn waiting(&self) -> usize {
        self.forwarder.waiting()
    }

    /// Whether answers are awaited on the socket in a slot.
    pub fn expects(&self, slot: u16) -> bool {
        self.forwarder.expects(slot)
    }

    /// Whether [`Engine::expire`] has nothing to wait for.
    pub fn is_idle(&self) -> bool {
        self.forwarder.is_idle()
    }

    /// Copy sizes to the counters' gauges.
    pub fn gauge(&self) {
        self.counters.set(Single::CacheEntries, self.cache.len());
        self.counters.set(Single::CacheBytes, self.cache.size());
        self.counters.set(Single::Outstanding, self.forwarder.outstanding());
    }

    /// Take a packet from a client. Returns the length of the reply in `buffer`, or 0 if there is none (yet).
    ///
    /// `buffer` holds at least the payload limit for UDP, and 65,535 octets for streams.
    pub fn query(&mut self, packet: &[u8], peer: &Peer, now: u64, buffer: &mut [u8]) -> usize {
        self.begin(packet, peer, now, buffer).unwrap_or_else(|| {
            self.places.clear();
            self.finish(packet, peer, now, buffer)
        })
    }

    /// The first half of [`Engine::query`]: answer what takes no look-up.
    ///
    /// None means that [`Engine::finish`] is to be called with the same packet. Of a batch of packets all are begun, then
    /// [`Engine::warm`] fetches what their look-ups wait for, then those that are left are finished.
    pub fn begin(&mut self, packet: &[u8], peer: &Peer, now: u64, buffer: &mut [u8]) -> Option<usize> {
        // A reply to port 0 goes nowhere.
        if !self.policy.admits(peer.address.ip()) || peer.address.port() == 0 {
            self.counters.count(Single::DroppedClient);
            return Some(0);
        }
        let length = match self.query.parse(packet) {
            Ok(()) => {
                let protocol = if matches!(peer.via, Via::Udp(_)) { Protocol::Udp } else { Protocol::Tcp };
                self.counters.query(protocol, self.query.qtype);
                let asker = self.set_key(peer);
                self.serve_known(&asker, &packet[HEADER..self.query.question_end], seconds(now), buffer)?
            }
            Err(Fault::Silence) => {
                self.counters.count(Single::DroppedPacket);
                return Some(0);
            }
            Err(Fault::Reply { rcode, question_end, edns }) => {
                reply::write_fault(buffer, packet, rcode, question_end, edns.then_some(self.limits.payload))
            }
        };
        self.counters.answer(buffer);
        Some(length)
    }

    /// Fetch what the look-ups of the queries begun so far wait for.
    pub fn warm(&mut self) {
        if let Some(lists) = &self.lists {
            lists.warm(&mut self.places);
        }
        self.places.clear();
    }

    /// The second half of [`Engine::query`].
    pub fn finish(&mut self, packet: &[u8], peer: &Peer, now: u64, buffer: &mut [u8]) -> usize {
        // Parsed again, which costs less than keeping the queries of a batch.
        if self.query.parse(packet).is_err() {
            return 0;
        }
        let asker = self.set_key(peer);
        let length = self.serve(&asker, packet, peer, now, buffer);
        if length > 0 {
            self.counters.answer(buffer);
        }
        length
    }

    /// Make the cache key of the query that was parsed, and what its reply repeats.
    fn set_key(&mut self, peer: &Peer) -> Asker {
        let asker = Asker::new(&self.query, self.limits.payload, matches!(peer.via, Via::Stream(_)));
        self.key.set(self.query.name.wire(), self.query.qtype, self.query.class, &asker);
        asker
    }

    /// Answer from the cache what is known to be allowed by the present policy and lists: the path of most queries.
    fn serve_known(&mut self, asker: &Asker, question: &[u8], second: u32, buffer: &mut [u8]) -> Option<usize> {
        let entry = self.cache.get(self.key.bytes()).filter(|entry| entry.is_fresh(second) && !self.query.signed);
        if let Some((entry, Known::Answer(answer))) = entry.map(|entry| (entry, &entry.known)) {
            if entry.categories(self.generation).is_some_and(|set| self.policy.blocks(set).is_none()) {
                self.counters.count(Single::CacheHits);
                return Some(answer.write(buffer, asker, question, Age::Fresh(entry.age(second))));
            }
        }
        if let Some(lists) = &self.lists {
            self.places.push(lists.place(&self.query.name));
        }
        None
    }

    /// Answer a query that is well formed.
    fn serve(&mut self, asker: &Asker, packet: &[u8], peer: &Peer, now: u64, buffer: &mut [u8]) -> usize {
        let question = &packet[HEADER..self.query.question_end];
        let second = seconds(now);
        let (own, aliases) = match decide(&self.policy, self.lists.as_deref(), &self.query.name) {
            Verdict::Special(special) => return write_special(buffer, asker, question, &self.query, special),
            Verdict::Blocked(rule) => {
                self.counters.blocked(rule.category);
                return write_blocked(buffer, asker, question, kind(&self.query), &self.policy, rule, peer);
            }
            Verdict::Allowed(own, aliases) => (own, aliases),
        };
        if let Some(length) = self.serve_type(asker, question, buffer) {
            return length;
        }
        if !self.query.signed {
            if let Some(length) = self.serve_cached(asker, question, peer, second, buffer, (own, aliases)) {
                return length;
            }
        }
        self.counters.count(Single::CacheMisses);
        if self.query.flags & RD == 0 {
            let content = Content::Code(rcode::REFUSED);
            return reply::write(buffer, asker, question, content, 0, Some(NOT_AUTHORITATIVE));
        }
        self.forward(packet, asker, peer, now, buffer)
    }

    /// Types that are never forwarded.
    fn serve_type(&self, asker: &Asker, question: &[u8], buffer: &mut [u8]) -> Option<usize> {
        let content = match self.query.qtype {
            rtype::AXFR | rtype::IXFR => Content::Code(rcode::REFUSED),
            rtype::ANY if self.query.class == CLASS_IN => Content::HostInfo,
            _ => return None,
        };
        Some(reply::write(buffer, asker, question, content, SPECIAL_TTL, None))
    }

    /// Answer from the cache where that takes a verdict on aliases, another type's NXDOMAIN, a failure or a stale answer.
    fn serve_cached(
        &mut self,
        asker: &Asker,
        question: &[u8],
        peer: &Peer,
        second: u32,
        buffer: &mut [u8],
        (own, aliases): (u64, bool),
    ) -> Option<usize> {
        for qtype in [self.query.qtype, 0] {
            self.key.set_type(qtype);
            let Some(entry) = self.cache.get(self.key.bytes()) else { continue };
            let Known::Answer(answer) = &entry.known else {
                if entry.is_fresh(second) {
                    self.counters.count(Single::CacheHits);
                    let content = Content::Code(rcode::SERVFAIL);
                    return Some(reply::write(buffer, asker, question, content, 0, Some(CACHED_ERROR)));
                }
                continue;
            };
            let fresh = entry.is_fresh(second);
            let usable = fresh || (entry.is_stale(second) && entry.is_resting(second));
            if !usable {
                continue;
            }
            let set = own | alias_categories(answer, aliases, &self.policy, self.lists.as_deref());
            entry.set_categories(self.generation, set);
            if let Some(rule) = self.policy.blocks(set) {
                self.counters.blocked(rule.category);
                return Some(write_blocked(buffer, asker, question, kind(&self.query), &self.policy, rule, peer));
            }
            self.counters.count(if fresh { Single::CacheHits } else { Single::CacheStale });
            let age = if fresh { Age::Fresh(entry.age(second)) } else { Age::Stale };
            return Some(answer.write(buffer, asker, question, age));
        }
        self.key.set_type(self.query.qtype);
        None
    }

    /// Let the client wait for an upstream.
    fn forward(&mut self, packet: &[u8], asker: &Asker, peer: &Peer, now: u64, buffer: &mut [u8]) -> usize {
        let question = &packet[HEADER..self.query.question_end];
        let lower = question[..question.len() - 4] == *self.query.name.wire();
        let waiter = Waiter { peer: *peer, asker: *asker, question: (!lower).then(|| question.into()), received: now };
        let signed = (self.query.signed || self.query.qtype == rtype::TKEY).then_some(packet);
        if self.forwarder.ask(self.key.bytes(), signed, waiter, now) {
            return 0;
        }
        self.counters.count(Single::Overload);
        reply::write(buffer, asker, question, Content::Code(rcode::SERVFAIL), 0, Some(NETWORK_ERROR))
    }

    /// Take a packet from an upstream, which came to the socket in a slot.
    pub fn response(&mut self, slot: u16, packet: &[u8], now: u64) {
        if let Some(outcome) = self.forwarder.receive(slot, packet, now) {
            self.conclude(outcome, packet, now);
        }
    }

    /// Take the answer to a query of [`Outbox::streams`], or that there is none.
    pub fn stream_response(&mut self, exchange: u64, packet: Option<&[u8]>, now: u64) {
        if let Some(outcome) = self.forwarder.receive_stream(exchange, packet, now) {
            self.conclude(outcome, packet.unwrap_or_default(), now);
        }
    }

    /// Nothing listens where the socket in a slot leads.
    pub fn unreachable(&mut self, slot: u16, now: u64) {
        let mut failed = std::mem::take(&mut self.indices);
        self.forwarder.unreachable(slot, now, &mut failed);
        self.fail_all(failed, now);
    }

    /// The socket in a slot could not be opened or written to.
    pub fn send_failed(&mut self, slot: u16, now: u64) {
        let mut failed = std::mem::take(&mut self.indices);
        self.forwarder.send_failed(slot, now, &mut failed);
        self.fail_all(failed, now);
    }

    /// Send again what is due and answer those who have waited long enough.
    pub fn expire(&mut self, now: u64) {
        let mut due = std::mem::take(&mut self.indices);
        self.forwarder.expire(now, &mut due);
        self.fail_all(due, now);
        self.gauge();
    }

    fn fail_all(&mut self, mut indices: Vec<u32>, now: u64) {
        for index in indices.drain(..) {
            self.fail(index, now);
        }
        self.indices = indices;
    }

    fn conclude(&mut self, outcome: Outcome, packet: &[u8], now: u64) {
        match outcome {
            Outcome::Answer(index, answer) => self.deliver(index, *answer, now),
            Outcome::Signed(index) => self.pass(index, packet, now),
            Outcome::Failed(index) => self.fail(index, now),
        }
    }

    /// Answer all who waited, and keep the answer.
    fn deliver(&mut self, index: u32, answer: Answer, now: u64) {
        let (key, waiters) = self.forwarder.close(index);
        let Ok((name, end)) = Name::read(&key, 0) else { return };
        let kind = (u16_at(&key, end), u16_at(&key, end + 2));
        let (own, aliases) = match decide(&self.policy, self.lists.as_deref(), &name) {
            Verdict::Allowed(own, aliases) => (own, aliases),
            // The policy has changed since the question was asked.
            Verdict::Blocked(rule) => (1 << rule.category, false),
            Verdict::Special(_) => (0, false),
        };
        let set = own | alias_categories(&answer, aliases, &self.policy, self.lists.as_deref());
        let policy = Arc::clone(&self.policy);
        let rule = policy.blocks(set);
        for waiter in &waiters {
            if let Some(rule) = rule {
                self.counters.blocked(rule.category);
            }
            self.reply(waiter, &key, now, |buffer, question| match rule {
                Some(rule) => write_blocked(buffer, &waiter.asker, question, kind, &policy, rule, &waiter.peer),
                None => answer.write(buffer, &waiter.asker, question, Age::Fresh(0)),
            });
        }
        if answer.lifetime > 0 {
            self.key.copy(&key);
            if answer.any_type {
                self.key.set_type(0);
            }
            self.cache.insert(self.key.bytes(), answer, seconds(now), (self.generation, set));
        }
    }

    /// Pass the answer to a signed query as it is: its signature covers all but the id.
    fn pass(&mut self, index: u32, packet: &[u8], now: u64) {
        let (key, waiters) = self.forwarder.close(index);
        for waiter in &waiters {
            self.reply(waiter, &key, now, |buffer, question| {
                if packet.len() > usize::from(waiter.asker.limit) {
                    return reply::write_truncated(buffer, &waiter.asker, question);
                }
                buffer[..packet.len()].copy_from_slice(packet);
                buffer[..2].copy_from_slice(&waiter.asker.id.to_be_bytes());
                packet.len()
            });
        }
    }

    /// There is no answer: stale data where there is some, else SERVFAIL, within the deadline.
    fn fail(&mut self, index: u32, now: u64) {
        let exchange = self.forwarder.exchange(index);
        // A FORMERR is about our query and not the client's.
        let code = exchange.error.filter(|code| *code < 16 && *code != rcode::FORMERR).unwrap_or(rcode::SERVFAIL);
        let error = exchange.error.is_none().then_some(NO_REACHABLE_AUTHORITY);
        let signed = exchange.signed.is_some();
        let key = exchange.key.clone();
        let waiters = self.forwarder.give_up(index, now);
        let stale = if signed { None } else { self.stale_answer(&key, seconds(now)) };
        if stale.is_none() && !signed {
            self.cache.fail(&key, seconds(now));
        }
        for waiter in &waiters {
            if stale.is_some() {
                self.counters.count(Single::CacheStale);
            }
            self.reply(waiter, &key, now, |buffer, question| match &stale {
                Some(answer) => answer.write(buffer, &waiter.asker, question, Age::Stale),
                None => reply::write(buffer, &waiter.asker, question, Content::Code(code), 0, error),
            });
        }
    }

    /// A stale answer to the question of a key, of its own type or NXDOMAIN for all, unless it is blocked by now.
    fn stale_answer(&mut self, key: &[u8], second: u32) -> Option<Answer> {
        let (name, end) = Name::read(key, 0).ok()?;
        let Verdict::Allowed(own, aliases) = decide(&self.policy, self.lists.as_deref(), &name) else { return None };
        self.key.copy(key);
        for qtype in [u16_at(key, end), 0] {
            self.key.set_type(qtype);
            let Some(entry) = self.cache.get(self.key.bytes()).filter(|entry| entry.is_stale(second)) else { continue };
            let Known::Answer(answer) = &entry.known else { continue };
            let set = own | alias_categories(answer, aliases, &self.policy, self.lists.as_deref());
            entry.set_categories(self.generation, set);
            entry.rest(second);
            return self.policy.blocks(set).is_none().then(|| answer.clone());
        }
        None
    }

    /// Put a reply to a waiting client into the outbox.
    fn reply(&mut self, waiter: &Waiter, key: &[u8], now: u64, write: impl FnOnce(&mut [u8], &[u8]) -> usize) {
        let question = waiter.question.as_deref().unwrap_or(&key[..key.len() - 1]);
        let outbox = &mut self.forwarder.outbox;
        let start = outbox.bytes.len();
        let room = usize::from(waiter.asker.limit).max(REPLY_ROOM + question.len());
        outbox.bytes.resize(start + room, 0);
        let length = write(&mut outbox.bytes[start..], question);
        outbox.bytes.truncate(start + length);
        self.counters.answer(&outbox.bytes[start..]);
        outbox.replies.push((waiter.peer, start..start + length));
        self.counters.latency(now.saturating_sub(waiter.received), 1);
    }
}
