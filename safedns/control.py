"""What the supervisor and its children say to each other.

One `AF_UNIX` `SOCK_SEQPACKET` socket pair per child. A message is one packet: a JSON object, with at most one
descriptor beside it (`SCM_RIGHTS`). The end of the other process is the end of the stream.

| message            | from       | descriptor         | meaning                                                     |
| ------------------ | ---------- | ------------------ | ----------------------------------------------------------- |
| `{"do": "config"}` | supervisor | its JSON, a memfd  | this configuration from now on                               |
| `{"do": "list"}`   | supervisor | sealed list or none | this blocklist from now on                                   |
| `{"do": "drain"}`  | supervisor |                    | take nothing new, answer what is outstanding, end            |
| `{"do": "ping"}`   | supervisor |                    | say that you are alive                                       |
| `{"do": "ready"}`  | child      |                    | what I was given answers                                     |
| `{"do": "alive"}`  | child      |                    | the answer to `ping`                                         |

The configuration travels in a memfd because a packet is limited by the socket's send buffer and a configuration is not.
"""

import json
import os
import socket
from typing import Literal, NamedTuple

Order = Literal["config", "list", "drain", "ping", "ready", "alive"]

PACKET_SIZE = 4096
"""Limit of one message in bytes; what is larger travels in a descriptor."""


class Message(NamedTuple):
    """One message, and the descriptor that came with it, which is now the receiver's to close."""

    order: Order
    descriptor: int | None = None


class Channel:
    """One end of the socket pair between the supervisor and a child; it never blocks."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end

    @staticmethod
    def pair() -> tuple["Channel", "Channel"]:
        """Make the two ends."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return Channel(ours), Channel(theirs)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end in this process."""
        self._socket.close()

    def send(self, order: Order, descriptor: int | None = None) -> None:
        """Send a message.

        Raises:
            OSError: the other process is gone, or has not read for so long that the socket's buffer is full.
        """
        packet = json.dumps({"do": order}).encode()
        socket.send_fds(self._socket, [packet], [] if descriptor is None else [descriptor])

    def receive(self) -> Message | None:
        """Read a message that is there.

        Returns:
            The message, or None when the other process is gone.

        Raises:
            BlockingIOError: there is none.
        """
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._socket, PACKET_SIZE, 1)
        except ConnectionResetError:
            # The other process died with messages of ours unread.
            return None
        if not packet:
            return None
        return Message(json.loads(packet)["do"], descriptors[0] if descriptors else None)


def write_memory(text: str) -> int:
    """Put text in a new anonymous file and return its descriptor."""
    descriptor = os.memfd_create("safedns-config", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(text.encode())
    return descriptor


def read_memory(descriptor: int) -> str:
    """Read the whole of an anonymous file that `write_memory` made, and close it."""
    try:
        # Every child has the same open file, position included, so none may read from "the" position.
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()
    finally:
        os.close(descriptor)
