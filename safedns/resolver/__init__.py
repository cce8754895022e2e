"""A resolver worker: the process that answers queries."""
