"""To be run from tests/interop."""

from tests.helpers.messages import addresses, make_reply
from tests.interop.test_caching import GOOD, ask


def test_records_of_the_chain_may_come_in_any_order(service, upstream):
    def respond(asked):
        records = (
            f"t3.order.example. 300 IN A {GOOD}",
            "t2.order.example. 300 IN CNAME t3.order.example.",
            f"{asked.name} 300 IN CNAME t2.order.example.",
        )
        return make_reply(asked.wire, *records)

    upstream.respond = respond
    assert addresses(ask(service, "order.example")) == [GOOD]
    assert addresses(ask(service, "order.example")) == [GOOD]
    assert len(upstream.about("order.example")) == 1


def test_a_blocked_alias_behind_its_target_is_found(service, upstream):
    """The chain decides, not where in the message its links stand."""

    def respond(asked):
        return make_reply(
            asked.wire,
            "www.casino.example. 300 IN A 192.0.2.66",
            "hop.example. 300 IN CNAME www.casino.example.",
            f"{asked.name} 300 IN CNAME hop.example.",
        )

    upstream.respond = respond
    assert addresses(ask(service, "cloaked.example")) == ["127.0.0.1"]
