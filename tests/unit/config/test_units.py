from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.config.units import (
    CONTACT,
    ENDPOINT,
    IPV4,
    IPV6,
    NAME,
    NETWORK,
    UPSTREAM,
    Endpoint,
    Kind,
    Mismatch,
    duration,
    either,
    number,
    one_of,
    optional,
    size,
)

SIZE = size(1, 2**40)
DURATION = duration(0, 10**9)


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (SIZE, "8 MiB", 8 * 2**20),
        (SIZE, "8MiB", 8 * 2**20),
        (SIZE, "1.5 KiB", 1536),
        (SIZE, "1232 B", 1232),
        (DURATION, "10 s", 10.0),
        (DURATION, "1.5 s", 1.5),
        (DURATION, "500 ms", 0.5),
        (DURATION, "2 min", 120.0),
        (DURATION, "1 h", 3600.0),
        (DURATION, "7 d", 604800.0),
        (number(1, 5), 5, 5),
        (either("auto", number(1, 5)), "auto", "auto"),
        (either("auto", number(1, 5)), 2, 2),
        (optional(IPV4), None, None),
        (ENDPOINT, "127.0.0.1:53", Endpoint("127.0.0.1", 53)),
        (ENDPOINT, "[::1]:65535", Endpoint("::1", 65535)),
        (ENDPOINT, "[2001:DB8:0::1]:53", Endpoint("2001:db8::1", 53)),
        (UPSTREAM, "9.9.9.9", Endpoint("9.9.9.9", 53)),
        (UPSTREAM, "2620:fe::fe", Endpoint("2620:fe::fe", 53)),
        (UPSTREAM, "[2620:fe::fe]", Endpoint("2620:fe::fe", 53)),
        (UPSTREAM, "[2620:fe::fe]:5353", Endpoint("2620:fe::fe", 5353)),
        (NETWORK, "10.0.0.0/8", "10.0.0.0/8"),
        (NETWORK, "192.0.2.1", "192.0.2.1/32"),
        (NETWORK, "FC00::/7", "fc00::/7"),
        (IPV6, "::1", "::1"),
        (NAME, "Example.COM.", "example.com"),
        (NAME, "_dns.xn--bcher-kva.example", "_dns.xn--bcher-kva.example"),
        (CONTACT, "tel:111;phone-context=+84", "tel:111;phone-context=+84"),
        (CONTACT, "mailto:help@isp.example", "mailto:help@isp.example"),
    ],
)
def test_reads(kind: Kind[object], data: object, value: object) -> None:
    assert kind.read(data) == value
    assert kind.read(kind.write(value)) == value


@pytest.mark.parametrize(
    ("kind", "data", "hint"),
    [
        (SIZE, "8 MB", "units are"),
        (SIZE, 8, "unit is missing"),
        (SIZE, 8.0, "unit is missing"),
        (SIZE, True, ""),
        (SIZE, "0 B", ""),
        (SIZE, "0.3 B", ""),
        (SIZE, "-1 MiB", ""),
        (SIZE, "٣ MiB", ""),
        (SIZE, "9" * 400 + " GiB", ""),
        (SIZE, "MiB", ""),
        (SIZE, None, ""),
        (SIZE, ["8 MiB"], ""),
        (DURATION, "10 sec", "units are"),
        (DURATION, "10", ""),
        (duration(1, 5), "999 ms", ""),
        (duration(1, 5), "5001 ms", ""),
        (number(1, 5), 0, ""),
        (number(1, 5), 6, ""),
        (number(1, 5), True, ""),
        (number(1, 5), "3", ""),
        (number(1, 5), 3.0, ""),
        (one_of(("alpha", "beta"), ""), "alfa", "did you mean 'alpha'"),
        (one_of(("alpha", "beta"), ""), 1, ""),
        (ENDPOINT, "127.0.0.1", "port is missing"),
        (ENDPOINT, "[::1]", "port is missing"),
        (ENDPOINT, "::1:53", "port is missing"),
        (ENDPOINT, "127.0.0.1:", "number from 1"),
        (ENDPOINT, "127.0.0.1:0", "number from 1"),
        (ENDPOINT, "127.0.0.1:65536", "number from 1"),
        (ENDPOINT, "127.0.0.1:٥٣", "number from 1"),
        (ENDPOINT, "localhost:53", "not a name"),
        (ENDPOINT, ":53", "not a name"),
        (ENDPOINT, "[::1:53", "[ADDR]:PORT"),
        (ENDPOINT, "[::1]53", "[ADDR]:PORT"),
        (ENDPOINT, "[fe80::1%eth0]:53", "zone"),
        (ENDPOINT, 53, ""),
        (NETWORK, "10.0.0.1/8", "bits beyond"),
        (NETWORK, "10.0.0.0/33", ""),
        (NETWORK, "lan", ""),
        (IPV4, "::1", ""),
        (IPV6, "127.0.0.1", ""),
        (NAME, "", ""),
        (NAME, ".", ""),
        (NAME, "a..b", ""),
        (NAME, "bücher.example", ""),
        (NAME, "a" * 64 + ".example", ""),
        (NAME, ".".join(["a" * 49] * 6), ""),
        (NAME, "with space.example", ""),
        (CONTACT, "https://isp.example", ""),
        (CONTACT, "sips:help@isp.example", ""),
        (CONTACT, "mailto:help", ""),
        (CONTACT, "tel:", ""),
    ],
)
def test_refuses(kind: Kind[object], data: object, hint: str) -> None:
    with pytest.raises(Mismatch) as caught:
        kind.read(data)
    assert hint in str(caught.value)
    assert bool(hint) == bool(str(caught.value))


@given(st.integers(1, 10**12))
def test_any_size_is_read_as_it_was_written(value: int) -> None:
    assert SIZE.read(SIZE.write(value)) == value


@given(st.integers(1, 10**12))
def test_any_time_in_milliseconds_is_read_as_it_was_written(milliseconds: int) -> None:
    value = milliseconds / 1000
    assert DURATION.read(DURATION.write(value)) == value


@given(st.ip_addresses().filter(lambda a: getattr(a, "scope_id", None) is None), st.integers(1, 65535))
def test_any_endpoint_is_read_as_it_was_written(address: object, port: int) -> None:
    endpoint = Endpoint(str(address), port)
    read = ENDPOINT.read(str(endpoint))
    assert read.port == port
    assert ip_address(read.address) == address
    assert isinstance(address, IPv6Address) == str(endpoint).startswith("[")


@given(st.text())
def test_any_text_is_an_endpoint_or_a_mismatch(text: str) -> None:
    for kind in (ENDPOINT, UPSTREAM, NETWORK, NAME, CONTACT, SIZE, DURATION):
        try:
            kind.read(text)
        except Mismatch:
            continue
