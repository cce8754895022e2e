"""RFC 3597 section 4: receivers decompress names in the data of RP, AFSDB, RT, SIG, PX, NXT, NAPTR and SRV.

To be run from tests/interop (its conftest.py has the fixtures).
"""

import pytest

from tests.helpers.client import over_udp
from tests.helpers.messages import make_query
from tests.interop.test_transparency import FOREIGN, QNAME, data_of, question_end, record, reply_with


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (17, b"\1a\0", b""),  # RP
        (18, b"\0\1", b""),  # AFSDB
        (21, b"\0\1", b""),  # RT
        (33, bytes(6), b""),  # SRV
        (24, b"\0\1\5\3" + bytes(14), b"sig"),  # SIG
        (26, b"\0\1\1a\0", b""),  # PX
        (30, b"", b"\x40"),  # NXT
        (35, b"\0\1\0\2\1u\3sip\0", b""),  # NAPTR
    ],
    ids=["RP", "AFSDB", "RT", "SRV", "SIG", "PX", "NXT", "NAPTR"],
)
def test_p02_compressed_names_in_data_survive_the_record_that_they_point_into(service, upstream, kind, before, after):
    """The foreign record, in which the name is, is left out of the reply."""

    def respond(asked):
        pointer = (0xC000 | question_end(asked.wire)).to_bytes(2, "big")
        return reply_with(asked.wire, FOREIGN, record(QNAME, kind, before + pointer + after))

    upstream.respond = respond
    data = data_of(over_udp(service.port, make_query(f"decompress{kind}.example", kind)))
    assert data == before + b"\5other\4test\0" + after
