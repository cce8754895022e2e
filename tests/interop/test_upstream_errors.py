"""An upstream that answers FORMERR (or another code that is no answer) with and without EDNS: the next one is asked."""

import pytest

from tests.helpers.client import over_udp
from tests.helpers.messages import addresses, make_query, make_reply, read
from tests.helpers.service import Service
from tests.helpers.upstream import Upstream


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTAUTH", "NOTZONE"])
def test_a_code_that_is_no_answer_goes_to_the_next_upstream(tmp_path, rcode):
    with (
        Upstream(lambda asked: make_reply(asked.wire, rcode=rcode)) as bad,
        Upstream() as good,
        Service(tmp_path, upstream={"servers": [bad.server, good.server]}) as service,
    ):
        reply = read(over_udp(service.port, make_query("code.example")))
        assert addresses(reply) == ["192.0.2.1"]


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTAUTH"])
def test_such_a_failure_is_kept_for_a_second(tmp_path, rcode):
    with (
        Upstream(lambda asked: make_reply(asked.wire, rcode=rcode)) as bad,
        Service(tmp_path, upstream={"servers": [bad.server]}) as service,
    ):
        over_udp(service.port, make_query("code.example"))
        asked = len(bad.asked)
        for _ in range(20):
            over_udp(service.port, make_query("code.example"))
        assert len(bad.asked) == asked
