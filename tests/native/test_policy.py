"""Policy through the binding: what Python hands over is checked, and decides as the design says."""

import pytest

from safedns import _native
from tests.helpers.engine import Home, compile_blocklist
from tests.helpers.messages import addresses, extended_error, make_query, make_reply, read

GAMBLING, MALWARE, HELP = 23, 3, 48
SINKHOLE, NXDOMAIN, NULL, REFUSED = range(4)
CLIENTS = ["127.0.0.0/8"]


def rule(category, mode=SINKHOLE, error=17, text="gambling", structured='{"j":"gambling"}'):
    return (category, mode, error, text, structured)


@pytest.fixture
def blocklist(tmp_path):
    return compile_blocklist(
        tmp_path / "list.bin",
        {"names": ["casino.example", "both.example", "time.example"], "category": GAMBLING},
        {"names": ["both.example", "bad.example"], "category": MALWARE},
        {"names": ["good.casino.example"], "category": GAMBLING, "allow": True},
        {"names": ["only.example"], "category": GAMBLING, "scope": 1},
    )


@pytest.mark.parametrize(
    ("name", "decided"),
    [
        ("casino.example", ("category", GAMBLING, "casino.example")),
        ("WWW.Casino.Example.", ("category", GAMBLING, "casino.example")),
        ("good.casino.example", ("default", None, None)),
        ("a.good.casino.example", ("default", None, None)),
        ("only.example", ("category", GAMBLING, "only.example")),
        ("www.only.example", ("default", None, None)),
        ("notcasino.example", ("default", None, None)),
        ("example", ("default", None, None)),
        ("both.example", ("category", MALWARE, "both.example")),
        ("a.time.example", ("protected", None, "time.example")),
        ("a.localhost", ("special", None, "localhost")),
        ("open.localhost", ("protected", None, "open.localhost")),
    ],
)
def test_the_first_that_matches_decides(blocklist, name, decided):
    policy = _native.Policy(
        rules=[rule(MALWARE), rule(GAMBLING)],
        protected=["time.example", "open.localhost"],
        special=[("localhost", 2)],
    )
    rule_name, category, entry = policy.decide(name, blocklist)
    assert (rule_name, category) == decided[:2]
    if decided[0] != "default":
        assert entry == decided[2]


def test_without_a_list_nothing_is_blocked():
    assert _native.Policy(rules=[rule(GAMBLING)]).decide("casino.example", None) == ("default", None, None)


def test_a_listed_category_that_no_rule_blocks_is_open(blocklist):
    policy = _native.Policy(rules=[rule(HELP)])
    assert policy.decide("casino.example", blocklist) == ("default", None, "casino.example")


@pytest.mark.parametrize(
    "arguments",
    [
        {"rules": [rule(64)]},
        {"rules": [rule(GAMBLING, 4)]},
        {"rules": [rule(GAMBLING, text="x" * 513)]},
        {"rules": [rule(GAMBLING, structured="ä" * 257)]},
        {"rules": [], "protected": ["not a name"]},
        {"rules": [], "protected": ["a..b"]},
        {"rules": [], "special": [("localhost", 3)]},
        {"rules": [], "special": [("x" * 64, 0)]},
        {"rules": [], "allowed_clients": ["192.168.0.0"]},
        {"rules": [], "allowed_clients": ["192.168.0.0/33"]},
        {"rules": [], "allowed_clients": ["home/8"]},
        {"rules": [], "sinkhole_ipv4": "::1"},
        {"rules": [], "sinkhole_ipv6": "127.0.0.1"},
    ],
)
def test_what_is_out_of_range_is_refused_with_what_was_found(arguments):
    with pytest.raises(ValueError) as refused:
        _native.Policy(**arguments)
    assert len(str(refused.value)) > 10


@pytest.mark.parametrize("name", ["", "a b", "..", "x" * 64 + ".example"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError):
        _native.Policy(rules=[]).decide(name, None)


@pytest.mark.parametrize(
    ("mode", "rcode", "ipv4", "ipv6"),
    [
        (SINKHOLE, 0, ["203.0.113.9"], ["2001:db8::9"]),
        (NXDOMAIN, 3, [], []),
        (NULL, 0, ["0.0.0.0"], ["::"]),
        (REFUSED, 5, [], []),
    ],
)
def test_modes_on_the_wire(blocklist, mode, rcode, ipv4, ipv6):
    policy = _native.Policy(
        rules=[rule(GAMBLING, mode, 16)],
        allowed_clients=CLIENTS,
        sinkhole_ipv4="203.0.113.9",
        sinkhole_ipv6="2001:db8::9",
        block_ttl=7,
    )
    with Home(make_reply, policy, blocklist) as home:
        for kind, expected in (("A", ipv4), ("AAAA", ipv6), ("HTTPS", []), ("SVCB", []), ("TXT", [])):
            reply = read(home.ask(make_query("www.casino.example", kind, use_edns=True)))
            assert (reply.rcode(), addresses(reply)) == (rcode, expected), kind
            assert extended_error(reply) == 16
            assert all(rrset.ttl == 7 for rrset in [*reply.answer, *reply.authority])
            # A negative answer may be cached only with a SOA record (RFC 2308 section 5); REFUSED never.
            assert [rrset.rdtype.name for rrset in reply.authority] == ["SOA"] * (not expected and mode != REFUSED)
        assert home.asked == []


def test_only_these_networks_may_ask(blocklist):
    policy = _native.Policy(rules=[rule(GAMBLING)], allowed_clients=["127.0.0.2/32", "192.168.0.0/16"])
    with Home(make_reply, policy, blocklist) as home:
        assert home.ask(make_query("casino.example"), timeout=0.1) is None
        assert home.engine.answer(make_query("casino.example"), "192.168.7.7", "192.168.0.1", 1)
        assert home.engine.answer(make_query("casino.example"), "::ffff:192.168.7.7", "192.168.0.1", 1)
        assert home.engine.answer(make_query("casino.example"), "203.0.113.7", "192.168.0.1", 1) == b""
        assert home.counter("safedns_dropped_packets_total", 'reason="client_not_allowed"') == 2
        home.engine.set_policy(_native.Policy(rules=[rule(GAMBLING)], allowed_clients=["127.0.0.1/32"]))
        assert home.ask(make_query("casino.example"))
