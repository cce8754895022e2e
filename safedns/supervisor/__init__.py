"""The supervisor: owns the sockets, starts the other processes, and keeps them alive."""

from safedns.light import leave_out_openssl

# Before the event loop is imported, by this process for all that it starts.
leave_out_openssl()

from safedns.supervisor.run import serve  # noqa: E402

__all__ = ["serve"]
