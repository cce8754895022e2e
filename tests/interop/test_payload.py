"""To be run from tests/interop. P15: relay UDP payloads up to 4096 octets where that is configured."""

from tests.helpers.messages import addresses, make_reply
from tests.helpers.service import Service
from tests.interop.test_caching import ask


def test_p15_our_opt_record_says_what_is_configured(upstream, tmp_path):
    lines = [f"p15.example. 300 IN A 198.51.100.{number}" for number in range(100)]
    upstream.respond = lambda asked: make_reply(asked.wire, *lines)
    with Service(tmp_path, upstream={"servers": [upstream.server]}, udp_payload="4096 B") as service:
        reply = ask(service, "p15.example", use_edns=0, payload=4096)
        assert len(addresses(reply)) == 100
        assert reply.payload == 4096
