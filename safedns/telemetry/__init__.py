"""What the running service says of itself: log and metrics."""
