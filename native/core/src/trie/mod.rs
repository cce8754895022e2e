//! The compiled blocklist.
