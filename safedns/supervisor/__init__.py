"""The supervisor: owns the sockets, starts the other processes, and keeps them alive."""

from safedns.supervisor.run import serve

__all__ = ["serve"]
