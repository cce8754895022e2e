//! What comes back from upstreams: which packet counts, and what follows from it.

use super::{Forwarder, Outcome};
use crate::answer::{extended_code, Answer};
use crate::cache::key_flags;
use crate::counters::Single;
use crate::exchange::{echo, id_key, Attempt, Echo, Via};
use crate::message::{opcode, rcode, u16_at, HEADER, QR, TC};
use crate::name::Name;
use crate::reply::PAYLOAD;

/// Wrong replies to one question after which it is asked over TCP (RFC 5452 section 9.3 leaves the number open).
const MAX_MISMATCHES: u8 = 10;

/// Upstreams that are asked over TCP for one question.
const MAX_STREAMS: u8 = 2;

impl Forwarder {
    /// Take a packet that came to a socket.
    pub fn receive(&mut self, slot: u16, packet: &[u8], now: u64) -> Option<Outcome> {
        if packet.len() < HEADER {
            return self.mismatch(slot);
        }
        let found = self.by_id.get(&id_key(slot, u16_at(packet, 0))).copied();
        let Some((index, attempt)) = found else { return self.mismatch(slot) };
        let flags = u16_at(packet, 2);
        if flags & QR == 0 || opcode(flags) != 0 {
            return self.mismatch(slot);
        }
        let exchange = &self.exchanges[index as usize];
        let attempt = exchange.attempts[usize::from(attempt)];
        if u16_at(packet, 4) == 0 {
            return self.bare_error(index, attempt, flags, slot);
        }
        match echo(packet, &exchange.key, attempt.case, exchange.signed.as_deref()) {
            Echo::Exact => {}
            Echo::Different => return self.mismatch(slot),
            Echo::Folded => {
                // Either forged or folded by the upstream: TCP tells, and if it answers, it folds.
                self.upstreams.0[usize::from(attempt.upstream)].folded_case(now);
                self.send_stream(index, attempt.upstream);
                return None;
            }
        }
        if flags & TC != 0 || packet.len() > usize::from(PAYLOAD) {
            self.settle(&attempt, now);
            self.send_stream(index, attempt.upstream);
            return None;
        }
        let outcome = self.read(index, packet);
        match outcome {
            Some(Ok(outcome)) => {
                self.settle(&attempt, now);
                Some(outcome)
            }
            Some(Err(code)) => {
                self.settle(&attempt, now);
                self.upstream_error(index, &attempt, code, now)
            }
            None => self.mismatch(slot),
        }
    }

    /// The attempt was answered by its upstream.
    fn settle(&mut self, attempt: &Attempt, now: u64) {
        let elapsed = now.saturating_sub(attempt.sent);
        self.upstreams.0[usize::from(attempt.upstream)].answered(elapsed);
        self.counters.round_trip(elapsed);
    }

    /// Read a message whose question is right: an outcome, an RCODE that is no answer, or None if malformed.
    fn read(&self, index: u32, packet: &[u8]) -> Option<Result<Outcome, u16>> {
        let exchange = &self.exchanges[index as usize];
        if exchange.signed.is_some() {
            return Some(Ok(Outcome::Signed(index)));
        }
        let (name, end) = Name::read(&exchange.key, 0).ok()?;
        let qtype = u16_at(&exchange.key, end);
        let (_, dnssec_ok) = key_flags(&exchange.key);
        let answer = Answer::read(packet, &name, qtype, dnssec_ok).ok()?;
        let extended = extended_code(packet, HEADER + end + 4).ok()?;
        if extended != 0 || !matches!(answer.code, rcode::NOERROR | rcode::NXDOMAIN | rcode::YXDOMAIN) {
            return Some(Err(answer.code | extended << 4));
        }
        Some(Ok(Outcome::Answer(index, Box::new(answer))))
    }

    /// The upstream can't answer: try another, or the same without EDNS where that may be why (RFC 6891 section 6.2.2;
    /// for this question only, so a forged FORMERR costs nothing lasting).
    fn upstream_error(&mut self, index: u32, attempt: &Attempt, code: u16, now: u64) -> Option<Outcome> {
        self.counters.count(Single::UpstreamErrors);
        let exchange = &mut self.exchanges[index as usize];
        exchange.error = Some(code);
        let edns = attempt.edns && matches!(code, rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS);
        self.forget_attempt(index, attempt);
        let exchange = &mut self.exchanges[index as usize];
        if edns {
            exchange.plain = true;
            if self.send(index, attempt.upstream, now) {
                return None;
            }
        }
        let exchange = &self.exchanges[index as usize];
        let untried = self.upstreams.0.len() as u32 > exchange.tried.count_ones();
        if untried && self.attempt(index, now) {
            return None;
        }
        let waits = !self.exchanges[index as usize].attempts.iter().all(|other| other.sent == 0);
        (!waits).then_some(Outcome::Failed(index))
    }

    /// An attempt is over, though the exchange goes on. It keeps its place, for tries are counted.
    pub(super) fn forget_attempt(&mut self, index: u32, attempt: &Attempt) {
        if self.by_id.remove(&id_key(attempt.slot, attempt.id)).is_some() {
            let exchange = &mut self.exchanges[index as usize];
            for other in exchange.attempts.iter_mut().filter(|other| other.id == attempt.id) {
                other.sent = 0;
            }
        }
    }

    /// A reply without a question: an upstream that doesn't know EDNS may answer so. It proves nothing, so the wait goes
    /// on, and the next try, sent at once, does without EDNS.
    fn bare_error(&mut self, index: u32, attempt: Attempt, flags: u16, slot: u16) -> Option<Outcome> {
        let exchange = &mut self.exchanges[index as usize];
        if matches!(flags & 0xf, rcode::FORMERR | rcode::NOTIMP) && attempt.edns && !exchange.plain {
            exchange.plain = true;
            exchange.next = 0;
            return None;
        }
        self.mismatch(slot)
    }

    /// Ignore a packet that is no reply to what was asked. After too many for one question it is asked over TCP.
    fn mismatch(&mut self, slot: u16) -> Option<Outcome> {
        self.counters.count(Single::UpstreamMismatches);
        let here = |attempt: &Attempt| attempt.slot == slot && attempt.sent != 0;
        let mut suspects = Vec::new();
        // Wrong packets are rare, and a socket's questions are few: a scan costs nothing that lasts.
        for (index, exchange) in self.exchanges.iter_mut().enumerate() {
            if exchange.attempts.iter().any(here) {
                exchange.mismatches = exchange.mismatches.saturating_add(1);
                if exchange.mismatches == MAX_MISMATCHES {
                    suspects.push(index as u32);
                }
            }
        }
        let upstream = self.ports.upstream(slot);
        for index in suspects {
            self.send_stream(index, upstream);
        }
        None
    }

    /// Take the answer to a query over TCP, or that there is none.
    pub fn receive_stream(&mut self, exchange: u64, packet: Option<&[u8]>, now: u64) -> Option<Outcome> {
        let index = exchange as u32;
        let state = self.exchanges.get(index as usize)?;
        let (upstream, id) = state.stream?;
        if u64::from(state.generation) != exchange >> 32 || !state.live {
            return None;
        }
        let message = packet.filter(|packet| {
            let long = packet.len() > HEADER && u16_at(packet, 0) == id && u16_at(packet, 2) & QR != 0;
            long && echo(packet, &state.key, 0, state.signed.as_deref()) != Echo::Different
        });
        let outcome = message.and_then(|packet| self.read(index, packet));
        match outcome {
            Some(Ok(outcome)) => Some(outcome),
            Some(Err(code)) => {
                self.exchanges[index as usize].error = Some(code);
                self.counters.count(Single::UpstreamErrors);
                self.next_stream(index, now)
            }
            None => {
                self.counters.count(Single::UpstreamUnreachable);
                if let Some(upstream) = self.upstreams.0.get_mut(usize::from(upstream)) {
                    upstream.stream_failed(now);
                }
                self.next_stream(index, now)
            }
        }
    }

    /// Go on after a failure over TCP: another upstream, or UDP if that was not tried.
    fn next_stream(&mut self, index: u32, now: u64) -> Option<Outcome> {
        let exchange = &self.exchanges[index as usize];
        let untried = |upstream: &usize| exchange.tried >> upstream & 1 == 0;
        let takes = |upstream: &usize| self.upstreams.0[*upstream].takes_streams(now);
        let other = (0..self.upstreams.0.len()).find(|upstream| untried(upstream) && takes(upstream));
        if let Some(upstream) = other.filter(|_| exchange.streams < MAX_STREAMS) {
            self.send_stream(index, upstream as u8);
            return None;
        }
        let from_stream = exchange.waiters.iter().all(|waiter| matches!(waiter.peer.via, Via::Stream(_)));
        let exchange = &mut self.exchanges[index as usize];
        exchange.stream = None;
        if from_stream && exchange.error.is_none() {
            exchange.tried = 0;
            if self.attempt(index, now) {
                return None;
            }
        }
        Some(Outcome::Failed(index))
    }
}
