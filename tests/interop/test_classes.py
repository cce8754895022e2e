"""A blocked or special name asked in another class than IN: the reply has no records of class IN."""

import pytest

from tests.helpers.engine import Home, compile_blocklist
from tests.helpers.messages import make_query, make_reply, read


@pytest.mark.parametrize("name", ["bad.example", "localhost", "x.onion"])
@pytest.mark.parametrize("rdclass", ["CH", "HS"])
def test_h21_records_of_a_reply_are_of_the_class_that_was_asked(tmp_path, name, rdclass):
    blocklist = compile_blocklist(tmp_path / "list.bin", {"names": ["bad.example"], "category": 23})
    with Home(make_reply, blocklist=blocklist) as home:
        reply = read(home.ask(make_query(name, "A", rdclass=rdclass)))
        assert [rrset for rrset in reply.answer if rrset.rdclass != reply.question[0].rdclass] == []
