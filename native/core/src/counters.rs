//! Counters: a flat array of 64-bit numbers, shared with whoever shows them, and its description.
//!
//! One engine writes an array and others read it, so a relaxed load and store is an increment.

use portable_atomic::{AtomicU64, Ordering};

/// How queries come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

const PROTOCOLS: [&str; 2] = ["udp", "tcp"];
const TYPES: [(u16, &str); 12] = [
    (1, "A"),
    (28, "AAAA"),
    (65, "HTTPS"),
    (5, "CNAME"),
    (15, "MX"),
    (2, "NS"),
    (12, "PTR"),
    (6, "SOA"),
    (33, "SRV"),
    (64, "SVCB"),
    (16, "TXT"),
    (255, "ANY"),
];
const CODES: [&str; 12] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE", "OTHER",
];

/// Bucket bounds of both histograms, in nanoseconds.
pub const BOUNDS: [u64; 16] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    u64::MAX,
];
const HISTOGRAM: usize = BOUNDS.len() + 1;

const QUERIES: usize = 0;
const ANSWERS: usize = QUERIES + PROTOCOLS.len() * (TYPES.len() + 1);
const BLOCKED: usize = ANSWERS + CODES.len();
const SINGLES: usize = BLOCKED + 64;

/// Counters that stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Single {
    CacheHits,
    CacheStale,
    CacheMisses,
    CacheEntries,
    CacheBytes,
    DroppedClient,
    DroppedPacket,
    Coalesced,
    Outstanding,
    UpstreamQueries,
    UpstreamTimeouts,
    UpstreamUnreachable,
    UpstreamErrors,
    UpstreamMismatches,
    UpstreamStreams,
    Overload,
    Faults,
}

const SINGLE_ROWS: [(&str, &str); 17] = [
    ("safedns_cache_hits_total", ""),
    ("safedns_cache_stale_answers_total", ""),
    ("safedns_cache_misses_total", ""),
    ("safedns_cache_entries", ""),
    ("safedns_cache_size_bytes", ""),
    ("safedns_dropped_packets_total", "reason=\"client_not_allowed\""),
    ("safedns_dropped_packets_total", "reason=\"not_a_query\""),
    ("safedns_coalesced_queries_total", ""),
    ("safedns_outstanding_questions", ""),
    ("safedns_upstream_queries_total", ""),
    ("safedns_upstream_failures_total", "reason=\"timeout\""),
    ("safedns_upstream_failures_total", "reason=\"unreachable\""),
    ("safedns_upstream_failures_total", "reason=\"error\""),
    ("safedns_upstream_mismatches_total", ""),
    ("safedns_upstream_streams_total", ""),
    ("safedns_overload_total", ""),
    ("safedns_engine_faults_total", ""),
];

const LATENCY: usize = SINGLES + SINGLE_ROWS.len();
const ROUND_TRIP: usize = LATENCY + HISTOGRAM;

/// Number of counters.
pub const COUNT: usize = ROUND_TRIP + HISTOGRAM;

/// Histogram of the time from receiving a query to sending its answer.
pub const LATENCY_METRIC: &str = "safedns_answer_latency_seconds";
/// Histogram of upstream round trips.
pub const ROUND_TRIP_METRIC: &str = "safedns_upstream_round_trip_seconds";

/// Rows of metric, labels, index and length, in index order.
pub fn layout() -> Vec<(&'static str, String, usize, usize)> {
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        for name in TYPES.iter().map(|(_, name)| *name).chain(["other"]) {
            let labels = format!("protocol=\"{protocol}\",type=\"{name}\"");
            rows.push(("safedns_queries_total", labels, rows.len(), 1));
        }
    }
    for code in CODES {
        rows.push(("safedns_answers_total", format!("rcode=\"{code}\""), rows.len(), 1));
    }
    for category in 0..64 {
        rows.push(("safedns_blocked_total", format!("category=\"{category}\""), rows.len(), 1));
    }
    for (metric, labels) in SINGLE_ROWS {
        rows.push((metric, labels.to_owned(), rows.len(), 1));
    }
    rows.push((LATENCY_METRIC, String::new(), LATENCY, HISTOGRAM));
    rows.push((ROUND_TRIP_METRIC, String::new(), ROUND_TRIP, HISTOGRAM));
    rows
}

/// The array.
#[derive(Clone, Copy, Debug)]
pub struct Counters(&'static [AtomicU64]);

impl Counters {
    /// Count in an array of at least [`COUNT`] numbers.
    pub fn new(array: &'static [AtomicU64]) -> Self {
        assert!(array.len() >= COUNT, "the array holds all counters");
        Self(array)
    }

    fn add(&self, index: usize, value: u64) {
        let counter = &self.0[index];
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(value), Ordering::Relaxed);
    }

    /// Count a query.
    pub fn query(&self, protocol: Protocol, qtype: u16) {
        let column = TYPES.iter().position(|(number, _)| *number == qtype).unwrap_or(TYPES.len());
        self.add(QUERIES + protocol as usize * (TYPES.len() + 1) + column, 1);
    }

    /// Count an answer by its header's RCODE.
    pub fn answer(&self, message: &[u8]) {
        self.add(ANSWERS + usize::from(message[3] & 0xf).min(CODES.len() - 1), 1);
    }

    /// Count a blocked query.
    pub fn blocked(&self, category: u8) {
        self.add(BLOCKED + usize::from(category), 1);
    }

    /// Count one.
    pub fn count(&self, single: Single) {
        self.add(SINGLES + single as usize, 1);
    }

    /// Set a gauge.
    pub fn set(&self, single: Single, value: usize) {
        self.0[SINGLES + single as usize].store(value as u64, Ordering::Relaxed);
    }

    /// Record `count` answers that took `nanoseconds` each.
    pub fn latency(&self, nanoseconds: u64, count: u64) {
        self.observe(LATENCY, nanoseconds, count);
    }

    /// Record an upstream's round trip.
    pub fn round_trip(&self, nanoseconds: u64) {
        self.observe(ROUND_TRIP, nanoseconds, 1);
    }

    fn observe(&self, histogram: usize, nanoseconds: u64, count: u64) {
        let bucket = BOUNDS.iter().position(|bound| nanoseconds <= *bound).unwrap_or(BOUNDS.len() - 1);
        self.add(histogram + bucket, count);
        self.add(histogram + BOUNDS.len(), nanoseconds.wrapping_mul(count));
    }
}
