//! Which upstream resolver is asked: health and round-trip time.

use std::net::SocketAddr;

use crate::random::Random;

/// Timeouts in a row after which an upstream counts as down.
const DOWN_AFTER: u32 = 3;

/// Nanoseconds between two queries that try whether a down upstream is back.
const PROBE_INTERVAL: u64 = 1_000_000_000;

/// One query in so many goes to any upstream, so that a faster one is noticed.
const EXPLORE: usize = 64;

/// Limits in nanoseconds of the time before a query is sent again.
const MIN_TIMEOUT: u64 = 150_000_000;
const MAX_TIMEOUT: u64 = 500_000_000;

/// Answers that fold the case of names before an upstream is spared 0x20, and for how long, in nanoseconds.
const FOLDS: u32 = 3;
const FOLD_MEMORY: u64 = 3_600_000_000_000;

/// Nanoseconds for which an upstream that failed over TCP is asked over UDP only.
const STREAM_REST: u64 = 60_000_000_000;

/// An upstream resolver.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its address.
    pub address: SocketAddr,
    /// Smoothed round trip and its variation in nanoseconds (RFC 6298 section 2); None before the first answer.
    round_trip: Option<(u64, u64)>,
    timeouts: u32,
    probed: u64,
    folds: u32,
    folded: u64,
    stream_rest: u64,
}

impl Upstream {
    /// An upstream of which nothing is known.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, round_trip: None, timeouts: 0, probed: 0, folds: 0, folded: 0, stream_rest: 0 }
    }

    /// Whether it counts as down.
    pub fn is_down(&self) -> bool {
        self.timeouts >= DOWN_AFTER
    }

    /// It answered after so many nanoseconds.
    pub fn answered(&mut self, round_trip: u64) {
        self.timeouts = 0;
        self.round_trip = Some(match self.round_trip {
            None => (round_trip, round_trip / 2),
            Some((mean, variation)) => ((mean * 7 + round_trip) / 8, (variation * 3 + mean.abs_diff(round_trip)) / 4),
        });
    }

    /// It did not answer in time.
    pub fn timed_out(&mut self) {
        self.timeouts = self.timeouts.saturating_add(1);
    }

    /// Nanoseconds to wait before a query is sent again.
    pub fn timeout(&self) -> u64 {
        self.round_trip
            .map_or(MAX_TIMEOUT, |(mean, variation)| (2 * mean + 4 * variation).clamp(MIN_TIMEOUT, MAX_TIMEOUT))
    }

    /// Whether names are sent to it in random case (draft-vixie-dnsext-dns0x20).
    pub fn keeps_case(&self, now: u64) -> bool {
        self.folds < FOLDS || now > self.folded + FOLD_MEMORY
    }

    /// It answered with the case of the name changed, but rightly otherwise.
    pub fn folded_case(&mut self, now: u64) {
        self.folds = self.folds.saturating_add(1);
        self.folded = now;
    }

    /// Whether it may be asked over TCP when UDP would do.
    pub fn takes_streams(&self, now: u64) -> bool {
        now >= self.stream_rest
    }

    /// It failed over TCP.
    pub fn stream_failed(&mut self, now: u64) {
        self.stream_rest = now + STREAM_REST;
    }
}

/// The upstreams.
#[derive(Clone, Debug, Default)]
pub struct Upstreams(pub Vec<Upstream>);

impl Upstreams {
    /// The upstream to ask, preferably none of `tried` (bit n = upstream n); None only if there are none.
    pub fn choose(&self, tried: u64, random: &mut Random) -> Option<u8> {
        let untried = |index: &usize| tried >> index & 1 == 0;
        let up = |index: &usize| !self.0[*index].is_down();
        if self.0.len() > 1 && random.below(EXPLORE) == 0 {
            let index = random.below(self.0.len());
            if untried(&index) && up(&index) {
                return Some(index as u8);
            }
        }
        let speed = |index: &usize| self.0[*index].round_trip.map_or(0, |(mean, _)| mean);
        let all = || 0..self.0.len();
        all()
            .filter(|index| untried(index) && up(index))
            .min_by_key(speed)
            .or_else(|| all().filter(untried).min_by_key(|index| self.0[*index].timeouts))
            .or_else(|| all().filter(up).min_by_key(speed))
            .or_else(|| all().min_by_key(|index| self.0[*index].timeouts))
            .map(|index| index as u8)
    }

    /// A down upstream that is due to be tried again.
    pub fn probe(&mut self, tried: u64, now: u64) -> Option<u8> {
        let index = self.0.iter().enumerate().position(|(index, upstream)| {
            upstream.is_down() && tried >> index & 1 == 0 && now >= upstream.probed + PROBE_INTERVAL
        })?;
        self.0[index].probed = now;
        Some(index as u8)
    }
}
