"""Any query: the reply is one that dnspython reads, and says what a dictionary would say."""

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedns import _native
from tests.helpers.engine import Home, compile_blocklist
from tests.helpers.messages import addresses, extended_error, make_reply, read

# Category, answer mode, Extended DNS Error; strongest first.
RULES = ((3, 1, 15), (23, 0, 17), (44, 2, 17), (27, 3, 16))
OPEN_CATEGORY = 46
SPECIAL = {b"localhost": 2, b"onion": 0, b"resolver.arpa": 1}
PROTECTED = (b"time.bad.example",)


SUFFIXES = {
    b"bad.example": {3},
    b"casino.example": {23},
    b"ads.bad.example": {44},
    b"both.example": {3, 23, 27},
    b"a.b.c.d.example": {27},
    b"_x.under_score.example": {44},
    b"xn--bcher-kva.example": {23},
    b"fine.example": {OPEN_CATEGORY},
    b"tld": {27},
}
EXACT = {b"exact.example": {23}, b"www.fine.example": {44}}
EXCEPTIONS = {b"good.casino.example": {23}, b"ok.tld": {27}}

LISTED = [*SUFFIXES, *EXACT, *EXCEPTIONS, *SPECIAL, *PROTECTED]


def above(labels):
    """The name and those above it, the most specific first, as lower-case labels."""
    return [labels[index:] for index in range(len(labels))]


def split(name):
    return tuple(name.split(b"."))


def categories(labels):
    """The categories of a name, by looking at every entry of the list."""
    found = set()
    for category in range(64):
        for rest in above(labels):
            is_whole = rest == labels
            if any(split(entry) == rest and category in numbers for entry, numbers in EXCEPTIONS.items()):
                break
            tables = [SUFFIXES, EXACT] if is_whole else [SUFFIXES]
            if any(
                split(entry) == rest and category in numbers for table in tables for entry, numbers in table.items()
            ):
                found.add(category)
                break
    return found


def verdict(name):
    """What happens to a name: `special` and how, `blocked` and the rule, or `open`."""
    labels = tuple(label.lower() for label in name.labels[:-1])
    local = {split(entry): ("special", how) for entry, how in SPECIAL.items()}
    local |= {split(entry): ("open", None) for entry in PROTECTED}
    for rest in above(labels):
        if rest in local:
            return local[rest]
    found = categories(labels)
    return next((("blocked", rule) for rule in RULES if rule[0] in found), ("open", None))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / "list.bin"
    tables = ((SUFFIXES, {}), (EXACT, {"scope": 1}), (EXCEPTIONS, {"allow": True}))
    parts = [
        {"names": [name.decode()], "category": category, **options}
        for table, options in tables
        for name, numbers in table.items()
        for category in numbers
    ]
    policy = _native.Policy(
        rules=[(category, mode, error, "text", "{}") for category, mode, error in RULES],
        protected=[name.decode() for name in PROTECTED],
        special=[(name.decode(), how) for name, how in SPECIAL.items()],
        allowed_clients=["127.0.0.0/8"],
    )
    with Home(lambda query: make_reply(query, rcode="NXDOMAIN"), policy, compile_blocklist(path, *parts)) as running:
        yield running


odd_labels = st.binary(min_size=1, max_size=12) | st.binary(min_size=63, max_size=63)
host_labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=10).map(str.encode)


@st.composite
def names(draw):
    """Names at, above, below and beside those listed, in any case, with any octets."""
    base = list(split(draw(st.sampled_from(LISTED)))) if draw(st.integers(0, 3)) else []
    if base and draw(st.integers(0, 4)) == 0:
        base = base[1:]
    if base and draw(st.integers(0, 4)) == 0:
        # One label that only looks like two, or has an octet more.
        base = draw(st.sampled_from([[b".".join(base)], [draw(host_labels) + base[0], *base[1:]]]))
    labels = draw(st.lists(odd_labels | host_labels, max_size=2)) + base
    mask = draw(st.integers(0, 2**16))
    recased = [label.upper() if mask >> index & 1 else label for index, label in enumerate(labels)]
    while sum(len(label) + 1 for label in recased) + 1 > 255 or any(len(label) > 63 for label in recased):
        recased.pop(0)
    return dns.name.Name([*recased, b""])


kinds = st.sampled_from([1, 28, 65, 64, 16, 5, 6, 2, 255, 252, 251, 1000, 65280]) | st.integers(1, 65535)
classes = st.sampled_from([1, 1, 1, 3, 4, 254, 255]) | st.integers(0, 65535)
options = st.lists(
    st.builds(dns.edns.GenericOption, st.integers(27, 65535), st.binary(max_size=40))
    | st.just(dns.edns.GenericOption(3, b""))
    | st.just(dns.edns.GenericOption(10, b"8 octets"))
    | st.just(dns.edns.GenericOption(12, bytes(20))),
    max_size=4,
)


@st.composite
def queries(draw):
    # OPT is no type to ask for, TKEY passes untouched: both have tests of their own.
    kind = draw(kinds.filter(lambda kind: kind not in (41, 249)))
    query = dns.message.make_query(draw(names()), kind, draw(classes), id=draw(st.integers(0, 65535)))
    query.flags = draw(st.sampled_from([0x0100, 0x0100, 0x0110, 0x0120, 0x0170, 0x0000, 0x0400, 0x0780]))
    if draw(st.booleans()):
        ednsflags = draw(st.sampled_from([0, 0x8000, 0x7FFF, 0x4000]))
        query.use_edns(0, ednsflags, draw(st.integers(0, 65535)), options=draw(options))
    return query


def ask(home, query):
    """Over UDP and as a stream; both say the same, but for what does not fit into UDP."""
    wire = query.to_wire()
    datagram, stream = home.ask(wire), home.answer(wire)
    assert datagram is not None
    assert stream is not None
    assert datagram == stream, "same verdict, whatever the transport"
    return read(datagram)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(queries())
def test_any_query(home, query):
    asked = len(home.asked)
    reply = ask(home, query)
    forwarded = len(home.asked) > asked
    question = query.question[0]

    assert reply.id == query.id
    assert [rrset.to_text() for rrset in reply.question] == [question.to_text()], "the client's own case"
    assert reply.question[0].name.labels == question.name.labels
    copied = dns.flags.RD | dns.flags.CD
    assert reply.flags & copied == query.flags & copied
    assert reply.flags & (dns.flags.QR | dns.flags.RA) == dns.flags.QR | dns.flags.RA
    assert not reply.flags & (dns.flags.AA | dns.flags.TC | dns.flags.AD | 0x40)
    assert (reply.edns == 0) == (query.edns == 0), "OPT if and only if the query had it"
    if query.edns == 0:
        assert reply.ednsflags & 0xFFFF == query.ednsflags & 0x8000, "DO and nothing else"
        assert {option.otype for option in reply.options} <= {dns.edns.OptionType.EDE}
    assert not reply.additional

    kind, how = verdict(question.name)
    internet = question.rdclass in (dns.rdataclass.IN, dns.rdataclass.ANY)
    if kind == "special":
        assert not forwarded
        assert reply.rcode() == (dns.rcode.NXDOMAIN if how == 0 else dns.rcode.NOERROR)
        expected = {1: ["127.0.0.1"], 28: ["::1"]}.get(question.rdtype, []) if how == 2 and internet else []
        assert addresses(reply) == expected
    elif kind == "blocked":
        _, mode, error = how
        assert not forwarded
        assert extended_error(reply) == (error if query.edns == 0 else None)
        assert reply.rcode() == (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.NOERROR, dns.rcode.REFUSED)[mode]
        expected = {(0, 1): ["127.0.0.1"], (2, 1): ["0.0.0.0"], (2, 28): ["::"]}.get((mode, question.rdtype), [])
        assert addresses(reply) == (expected if internet else [])
    elif question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        assert (reply.rcode(), forwarded) == (dns.rcode.REFUSED, False)
    elif question.rdtype == dns.rdatatype.ANY and question.rdclass == dns.rdataclass.IN:
        assert [rrset.rdtype for rrset in reply.answer] == [dns.rdatatype.HINFO]
        assert not forwarded
    elif not query.flags & dns.flags.RD:
        assert (reply.rcode(), forwarded) == (dns.rcode.REFUSED, False)
        assert extended_error(reply) == (20 if query.edns == 0 else None)
    else:
        assert (reply.rcode(), forwarded) == (dns.rcode.NXDOMAIN, True)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(queries(), st.data())
def test_any_damage_to_a_query_is_an_error_or_silence_and_never_more(home, query, data):
    wire = bytearray(query.to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(wire) - 1))
        match data.draw(st.sampled_from(["change", "cut", "grow"])):
            case "change":
                wire[place] = data.draw(st.integers(0, 255))
            case "cut" if place > 12:
                del wire[place:]
            case _:
                wire += data.draw(st.binary(max_size=30))
    packet = bytes(wire)
    is_response = bool(packet[2] & 0x80)
    reply = home.answer(packet)
    if is_response:
        assert reply == b""
        return
    assert reply
    assert reply[:2] == packet[:2]
    assert reply[2] & 0xF8 == 0x80 | packet[2] & 0x78
    # A signed query's answer passes as it came; the damage may have made one.
    if reply[3] & 0xF not in (0, 3):
        read(reply)
    assert home.counter("safedns_engine_faults_total") == 0
