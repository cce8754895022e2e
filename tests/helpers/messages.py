"""DNS messages for tests, built and read by dnspython: another parser than the one that is tested."""

from collections.abc import Iterable

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

OUR_PAYLOAD = 1232


def make_query(name: str | dns.name.Name, kind: str | int = "A", **options: object) -> bytes:
    """A query. Options are those of `dns.message.make_query`; `set_flags` and `clear_flags` change the header."""
    set_flags, clear_flags = options.pop("set_flags", 0), options.pop("clear_flags", 0)
    message = dns.message.make_query(name, kind, **options)  # type: ignore[arg-type]
    message.flags = (message.flags | set_flags) & ~clear_flags  # type: ignore[operator]
    return message.to_wire()


def read(wire: bytes) -> dns.message.Message:
    """Read a message strictly: nothing behind its end, nothing that dnspython takes amiss."""
    return dns.message.from_wire(wire, ignore_trailing=False, raise_on_truncation=False)


def make_reply(
    query: bytes,
    *records: str,
    authority: Iterable[str] = (),
    additional: Iterable[str] = (),
    rcode: str = "NOERROR",
    flags: int = 0,
) -> bytes:
    """A server's reply to a query. Records are lines of a zone file: `name ttl class type data`."""
    question = read(query)
    reply = dns.message.make_response(question, recursion_available=True, our_payload=OUR_PAYLOAD)
    reply.flags |= flags
    reply.set_rcode(dns.rcode.from_text(rcode))
    sections = ((reply.answer, records), (reply.authority, authority), (reply.additional, additional))
    for section, lines in sections:
        section.extend(dns.rrset.from_text(*line.split(" ", 4)) for line in lines)
    return reply.to_wire(max_size=65535)


def addresses(message: dns.message.Message) -> list[str]:
    """Addresses in the answer section."""
    return [item.address for rrset in message.answer for item in rrset if hasattr(item, "address")]


def extended_error(message: dns.message.Message) -> int | None:
    """Code of the Extended DNS Error (RFC 8914)."""
    errors = [option for option in message.options if isinstance(option, dns.edns.EDEOption)]
    return errors[0].code if errors else None
