"""Benchmarks of SafeDNS against other resolvers and against the kernel itself: `python -m benchmarks --help`."""
