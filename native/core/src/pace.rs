//! When to let queries gather before they are read.
//!
//! A worker that is faster than its clients wakes up for every packet or two, and waking up costs more than the answer.
//! Network cards meet the same by moderating interrupts, and so does this: while queries come quickly, a few more are
//! waited for. A home never asks so quickly and never waits. What it gains is in `docs/adr/0006-gathering.md`.

/// Mean nanoseconds between queries below which they are let gather: 40,000 queries a second.
const QUICK: u64 = 25_000;

/// Queries worth reading together.
const ENOUGH: u64 = 32;

/// Longest pause in nanoseconds: a tenth of a millisecond that nobody notices, and far less than a queue can hold.
const LONGEST: u64 = 100_000;

/// Longest mean that is kept, so that the first quick queries after a rest count soon.
const SLOW: u64 = 1_000_000;

/// How quickly queries come.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Mean nanoseconds between queries.
    mean: u64,
    /// When the latest were read.
    read: u64,
    /// How many those were.
    count: u64,
}

impl Pace {
    /// Nothing has come yet.
    pub fn new(now: u64) -> Self {
        Self { mean: SLOW, read: now, count: 0 }
    }

    /// Nanoseconds to wait before reading; 0 unless queries come quickly and few at a time.
    pub fn pause(&self) -> u64 {
        if self.mean >= QUICK || self.count >= ENOUGH {
            return 0;
        }
        (self.mean * ENOUGH).min(LONGEST)
    }

    /// So many queries were read.
    pub fn record(&mut self, count: u64, now: u64) {
        let between = now.saturating_sub(self.read).checked_div(count).unwrap_or(SLOW).min(SLOW);
        self.mean = (self.mean * 7 + between) / 8;
        self.read = now;
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(queries: u64, each: u64, together: u64) -> Pace {
        let mut pace = Pace::new(0);
        for number in 1..=queries / together {
            pace.record(together, number * together * each);
        }
        pace
    }

    #[test]
    fn slow_queries_are_read_at_once() {
        assert_eq!(Pace::new(0).pause(), 0);
        assert_eq!(after(1_000, 100_000, 1).pause(), 0, "10,000 a second");
    }

    #[test]
    fn quick_queries_gather_until_they_come_together() {
        assert_eq!(after(1_000, 7_000, 1).pause(), LONGEST);
        assert_eq!(after(1_000, 2_000, 1).pause(), 64_000, "as long as enough of them take");
        assert_eq!(after(1_000, 2_000, 32).pause(), 0, "they come together without waiting");
    }

    #[test]
    fn a_rest_ends_it() {
        let mut pace = after(1_000, 7_000, 1);
        pace.record(1, 1_000_000_000);
        assert_eq!(pace.pause(), 0);
    }
}
