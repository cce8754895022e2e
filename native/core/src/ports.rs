//! Which socket, and so which source port, an upstream query leaves from.
//!
//! RFC 5452 section 9.2 asks for an unpredictable port from the largest practicable range, and several at once. A fresh
//! socket for each query is best and costs about four times what sending on an open one costs, so it is given while the
//! rate allows (all a home ever asks); under a flood queries share the open sockets, each picked at random. Sockets are
//! connected, so the kernel drops what comes from elsewhere, and short-lived, so that there is little to probe for.

use std::collections::VecDeque;

use crate::random::Random;

/// Most sockets open at one time. An attacker who can't see which ports are open gains nothing by their being few, and
/// under a flood several answers wait behind each readable socket, which makes them cheaper to fetch.
pub const MAX_SOCKETS: usize = 64;

/// Fresh sockets per second, and how many may be saved up for a burst.
const FRESH_RATE: u64 = 1_000;
const FRESH_BURST: u64 = 1_000;

/// Time that a socket stays open after its last query, in nanoseconds: late answers end here and not in an ICMP error.
const LINGER: u64 = 2_000_000_000;

/// Lowest port: those below belong to services.
const LOWEST_PORT: u16 = 1_024;

/// Ports that are remembered so as not to be used again: half of the range.
const REMEMBERED: usize = 32_256;

#[derive(Clone, Copy, Default)]
struct Slot {
    upstream: u8,
    outstanding: u16,
    used: u64,
    /// Position among the upstream's open slots.
    position: u16,
    open: bool,
}

/// A socket to send from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The socket's slot.
    pub slot: u16,
    /// The socket in this slot must be (re)opened, bound to this port.
    pub open: Option<u16>,
}

/// The sockets, by slot. Opening and closing them is the caller's.
pub struct Ports {
    slots: Vec<Slot>,
    free: Vec<u16>,
    /// Slots in the order in which they were opened.
    order: VecDeque<u16>,
    /// Open slots of each upstream.
    open: Vec<Vec<u16>>,
    fresh: u64,
    refilled: u64,
    recent: Vec<u64>,
    remembered: usize,
}

impl Ports {
    /// No sockets; at most `limit` will be open.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, MAX_SOCKETS);
        Self {
            slots: vec![Slot::default(); limit],
            free: (0..limit as u16).rev().collect(),
            order: VecDeque::with_capacity(limit),
            open: Vec::new(),
            fresh: FRESH_BURST,
            refilled: 0,
            recent: vec![0; 1024],
            remembered: 0,
        }
    }

    /// Take a socket for a query to `upstream`.
    pub fn lease(&mut self, upstream: u8, now: u64, random: &mut Random) -> Option<Lease> {
        let upstream_index = usize::from(upstream);
        if self.open.len() <= upstream_index {
            self.open.resize_with(upstream_index + 1, Vec::new);
        }
        self.refill(now);
        if self.fresh > 0 || self.open[upstream_index].is_empty() {
            if let Some(slot) = self.vacant() {
                self.fresh = self.fresh.saturating_sub(1);
                let state = &mut self.slots[usize::from(slot)];
                *state = Slot { upstream, outstanding: 1, used: now, open: true, position: 0 };
                state.position = self.open[upstream_index].len() as u16;
                self.open[upstream_index].push(slot);
                self.order.push_back(slot);
                return Some(Lease { slot, open: Some(self.port(random)) });
            }
        }
        let open = &self.open[upstream_index];
        if open.is_empty() {
            return None;
        }
        let slot = open[random.below(open.len())];
        let state = &mut self.slots[usize::from(slot)];
        state.outstanding += 1;
        state.used = now;
        Some(Lease { slot, open: None })
    }

    /// A query of this socket is over.
    pub fn release(&mut self, slot: u16) {
        let state = &mut self.slots[usize::from(slot)];
        state.outstanding = state.outstanding.saturating_sub(1);
    }

    /// Queries of this socket that wait for an answer.
    pub fn outstanding(&self, slot: u16) -> u16 {
        self.slots[usize::from(slot)].outstanding
    }

    /// Close sockets that nothing waits for; calls `close` with each slot.
    pub fn close_idle(&mut self, now: u64, mut close: impl FnMut(u16)) {
        let mut index = 0;
        while index < self.order.len() {
            let slot = self.order[index];
            let state = self.slots[usize::from(slot)];
            if state.open && state.outstanding == 0 && now.saturating_sub(state.used) > LINGER {
                self.order.remove(index);
                self.retire(slot);
                close(slot);
            } else {
                index += 1;
            }
        }
    }

    /// The socket could not be opened.
    pub fn forget(&mut self, slot: u16) {
        self.order.retain(|other| *other != slot);
        self.retire(slot);
    }

    /// Whether any socket is open.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The upstream that a slot's socket is connected to.
    pub fn upstream(&self, slot: u16) -> u8 {
        self.slots[usize::from(slot)].upstream
    }

    fn refill(&mut self, now: u64) {
        let earned = now.saturating_sub(self.refilled).saturating_mul(FRESH_RATE) / 1_000_000_000;
        if earned > 0 {
            self.fresh = (self.fresh + earned).min(FRESH_BURST);
            self.refilled = now;
        }
    }

    /// A slot for a fresh socket: an empty one, else that of the oldest socket if nothing waits for it.
    fn vacant(&mut self) -> Option<u16> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let oldest = *self.order.front()?;
        if self.slots[usize::from(oldest)].outstanding > 0 {
            // Look at the next oldest another time: one slow answer must not pin all sockets.
            self.order.rotate_left(1);
            return None;
        }
        self.order.pop_front();
        self.retire(oldest);
        self.free.pop()
    }

    fn retire(&mut self, slot: u16) {
        let state = &mut self.slots[usize::from(slot)];
        if !std::mem::take(&mut state.open) {
            return;
        }
        let (upstream, position) = (usize::from(state.upstream), usize::from(state.position));
        self.open[upstream].swap_remove(position);
        if let Some(moved) = self.open[upstream].get(position) {
            self.slots[usize::from(*moved)].position = position as u16;
        }
        self.free.push(slot);
    }

    /// A random port that was not used lately.
    fn port(&mut self, random: &mut Random) -> u16 {
        if self.remembered >= REMEMBERED {
            self.recent.fill(0);
            self.remembered = 0;
        }
        loop {
            let port = random.u16();
            let (word, bit) = (usize::from(port >> 6), 1_u64 << (port & 63));
            if port >= LOWEST_PORT && self.recent[word] & bit == 0 {
                self.recent[word] |= bit;
                self.remembered += 1;
                return port;
            }
        }
    }
}
