"""Keeping a router's blocklist up to date: a process that fetches, verifies, rebuilds, and ends."""
