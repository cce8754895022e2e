"""Any answer of an upstream: the client gets exactly the records on the way from its question, fresh and cached."""

import itertools

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedns import _native
from tests.helpers.engine import Home
from tests.helpers.messages import read

labels = st.sampled_from([b"www", b"Mail", b"a", b"b.b", b"\0", b"\xff\xe9", b"xn--bcher-kva", b"_dns", b"x" * 40])
QUESTIONS = itertools.count()

names = st.lists(labels, min_size=1, max_size=3).map(lambda parts: dns.name.Name([*parts, b"example", b"com", b""]))
numbers = st.integers(0, 65535)
octets = st.binary(min_size=1, max_size=40)
hexadecimal = octets.map(bytes.hex)


def text(*parts):
    """RDATA in text form, its parts drawn one by one."""
    return st.tuples(*parts).map(lambda drawn: " ".join(map(str, drawn)))


quoted = st.lists(
    octets.map(lambda data: '"' + "".join(f"\\{octet:03d}" for octet in data) + '"'), min_size=1, max_size=8
)
DATA = {
    "A": text(st.ip_addresses(v=4)),
    "AAAA": text(st.ip_addresses(v=6)),
    "NS": text(names),
    "PTR": text(names),
    "MX": text(numbers, names),
    "SRV": text(numbers, numbers, numbers, names),
    "TXT": quoted.map(" ".join),
    "CAA": text(st.integers(0, 255), st.just("issue"), st.just('"ca.example"')),
    "NAPTR": text(numbers, numbers, st.just('"u" "sip" ""'), names),
    "RP": text(names, names),
    "AFSDB": text(numbers, names),
    "KX": text(numbers, names),
    "DS": text(numbers, st.just("8 2"), octets.map(lambda _: "00" * 32)),
    "DNSKEY": text(st.just("257 3 8 AwEAAc4vcQ==")),
    "TLSA": text(st.just("3 1 0"), hexadecimal),
    "SSHFP": text(st.just("4 99"), hexadecimal),
    "URI": text(numbers, numbers, st.just('"https://example.com/"')),
    "HTTPS": text(numbers.filter(bool), names, st.just('alpn="h2,h3" ipv4hint="192.0.2.1"')),
    "SVCB": text(st.just(0), names),
    "LOC": text(st.just("21 2 0 N 105 51 0 E 10m")),
    "HINFO": text(st.just('"PC" "Linux"')),
    "SOA": text(names, names, st.just("1 3600 600 86400 60")),
    "TYPE65280": octets.map(lambda data: f"\\# {len(data)} {data.hex()}"),
    "TYPE1000": octets.map(lambda data: f"\\# {len(data)} {data.hex()}"),
}
ttls = st.sampled_from([1, 60, 300, 86_400, 604_800, 2**31 - 1]) | st.integers(1, 2**31 - 1)
MAX_TTL = 86_400


def make_rrset(name, kind, data, ttl):
    rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, data)
    return dns.rrset.from_rdata(name, ttl, rdata)


@st.composite
def rrsets(draw, name, kind, most):
    """A set of records; their TTLs may differ, as they must not."""
    data = draw(st.lists(DATA[kind], min_size=1, max_size=most, unique=True))
    return [make_rrset(name, kind, item, draw(ttls)) for item in data]


@st.composite
def answers(draw):
    """A question, the records on the chain from it, and what the upstream sends: others between them and behind them.

    Every question is a new one, for the answer to an old one is known.
    """
    kind = draw(st.sampled_from(sorted(DATA)))
    first = dns.name.Name([b"%06d" % next(QUESTIONS), *draw(names).labels])
    chain = [first, *draw(st.lists(names, max_size=5, unique=True))]
    wanted = [make_rrset(owner, "CNAME", target.to_text(), draw(ttls)) for owner, target in itertools.pairwise(chain)]
    wanted += draw(rrsets(chain[-1], kind, 1 if kind == "SOA" else draw(st.sampled_from([1, 3, 30]))))
    shown = list(wanted)
    if draw(st.booleans()):
        strangers = names.filter(lambda name: name not in chain)
        for record in draw(st.lists(st.builds(make_rrset, strangers, st.just("A"), DATA["A"], ttls), max_size=3)):
            shown.insert(draw(st.integers(0, len(shown))), record)
    authority = [make_rrset(chain[-1].parent(), "NS", item, 300) for item in draw(st.lists(DATA["NS"], max_size=2))]
    additional = [make_rrset(name, "A", "192.0.2.66", 300) for name in draw(st.lists(names, max_size=2))]
    return first, kind, wanted, (shown, authority, additional)


def render(query, sections):
    """The upstream's message, compressed where dnspython compresses."""
    reply = dns.message.make_response(query, recursion_available=True)
    reply.flags |= dns.flags.AD
    for section, records in zip((reply.answer, reply.authority, reply.additional), sections, strict=True):
        section.extend(records)
    return reply.to_wire(max_size=65535)


def records_of(section):
    """Records as a multiset without TTLs."""
    return sorted(
        (rrset.name.canonicalize().to_text(), rrset.rdtype, item.to_digestable()) for rrset in section for item in rrset
    )


@pytest.fixture(scope="module")
def home():
    policy = _native.Policy(rules=[], allowed_clients=["127.0.0.0/8"])
    with Home(lambda _: None, policy, cache_size=1 << 22) as running:
        yield running


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers(), st.booleans(), st.booleans(), st.integers(0, 65535))
def test_any_answer(home, answer, dnssec_ok, over_udp, number):
    name, kind, wanted, sections = answer
    home.respond = lambda query: render(read(query), sections)
    wire = dns.message.make_query(name, kind, id=number, want_dnssec=dnssec_ok, use_edns=True, payload=4096).to_wire()
    first, second = (home.ask, home.answer) if over_udp else (home.answer, home.ask)

    fresh = first(wire)
    asked = len(home.asked)
    cached = second(wire)
    assert len(home.asked) == asked, "known now"
    datagram, stream = map(read, (fresh, cached) if over_udp else (cached, fresh))

    # "the TTLs of all RRs in an RRSet must be the same" (RFC 2181 section 5.2).
    limits = {}
    for record in wanted:
        key = record.name.canonicalize(), record.rdtype
        limits[key] = min(limits.get(key, MAX_TTL), record.ttl)
    for record in dns.message.from_wire(
        fresh if not read(fresh).flags & dns.flags.TC else cached, one_rr_per_rrset=True
    ).answer:
        limit = limits[record.name.canonicalize(), record.rdtype]
        assert limit - 2 <= record.ttl <= limit

    assert stream.rcode() == dns.rcode.NOERROR
    assert stream.id == number
    assert stream.question[0].name.labels == name.labels
    assert records_of(stream.answer) == records_of(wanted)
    assert {rrset.name.canonicalize() for rrset in stream.authority} <= {wanted[-1].name.parent().canonicalize()}
    assert not stream.additional
    if datagram.flags & dns.flags.TC:
        assert len(fresh if not over_udp else cached) > 1232
        assert not datagram.answer
    else:
        assert datagram.flags == stream.flags
        assert datagram.ednsflags == stream.ednsflags
        assert [*map(records_of, datagram.sections)] == [*map(records_of, stream.sections)]
