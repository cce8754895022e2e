"""DNS messages in a stream of bytes: each has its length in two octets before it (RFC 1035 section 4.2.2)."""

PREFIX = 2
"""Octets of the length."""


class Frames:
    """Cuts a stream into messages; the work is linear in the bytes, however they are split."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        """Bytes that are in no message yet."""
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Add what was read. The caller stops reading while it leaves whole messages here."""
        self._data += data

    def next_message(self) -> bytes | None:
        """Take the next message, without its length; None if its end isn't there yet."""
        if len(self._data) < PREFIX:
            return None
        end = PREFIX + int.from_bytes(self._data[:PREFIX], "big")
        if len(self._data) < end:
            return None
        message = bytes(self._data[PREFIX:end])
        del self._data[:end]
        return message


def frame(message: bytes) -> bytes:
    """Put a message's length before it.

    Both go out in one write: RFC 7766 section 8, "it is RECOMMENDED that the length field and the message are sent
    together", lest they travel in two packets.
    """
    return len(message).to_bytes(PREFIX, "big") + message
