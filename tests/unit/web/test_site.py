import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.web.site import Site, is_server, read_host, read_typed

HOSTS = [
    ("example.com", "example.com"),
    ("EXAMPLE.com:8080", "example.com"),
    ("example.com.", "example.com"),
    ("_dmarc.a-b.example", "_dmarc.a-b.example"),
    ("localhost", "localhost"),
    ("a" * 63 + ".example", "a" * 63 + ".example"),
    ("bücher.example", "xn--bcher-kva.example"),
    # Never a site:
    ("", None),
    (".", None),
    ("a..b", None),
    ("a" * 64 + ".example", None),
    (".".join(["a" * 63] * 4), None),
    ("<script>alert(1)</script>", None),
    ("a b", None),
    ("a\tb", None),
    ("a\0b", None),
    ('"onload=alert(1)', None),
    ("exa%00mple.com", None),
    ("example.com:80:80", None),
    ("example.com:999999", None),
    ("user@example.com", None),
    ("-a.example", None),
    ("a-.example", None),
    ("[::1", None),
    ("\u202egro.elpmaxe", None),
]


@pytest.mark.parametrize(("host", "name"), HOSTS)
def test_host(host, name):
    site = read_host(host)
    assert (site and site.name) == name


READABLE = [
    ("xn--bcher-kva.example", "bücher.example"),
    ("xn--nhc-9ya5j.vn", None),  # decodes to something that encodes differently, or not at all
    ("xn--0.example", None),
    ("xn--.example", None),
    ("xn--n3h.example", None),  # a snowman: a symbol, which may imitate anything
    ("xn--bcher-kva.xn--bcher-kva", "bücher.bücher"),
    ("plain.example", None),
]


@pytest.mark.parametrize(("name", "readable"), READABLE)
def test_readable_form(name, readable):
    site = read_host(name)
    assert site is None or site.readable == readable


def test_every_vietnamese_letter_is_readable():
    for letter in "ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ":
        site = read_typed(f"{letter}.vn")
        assert site is not None
        assert site.readable == f"{letter}.vn"
        assert read_host(site.name) == site


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("https://www.Example.com/a/b?c#d", "www.example.com"),
        ("http://user:secret@example.com:8080/", "example.com"),
        ("  example.com  ", "example.com"),
        ("example.com/path", "example.com"),
        ("example.com\\path", "example.com"),
        ("//example.com", None),
        ("https://", None),
        ("hello world", None),
        ("x" * 3000, None),
    ],
)
def test_typed(typed, name):
    site = read_typed(typed)
    assert (site and site.name) == name


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8053", "192.168.1.1", "[::1]", "[::1]:80", "[2001:db8::1]:8053", "localhost:8053"]
)
def test_address_is_the_server(host):
    assert is_server(host)


@pytest.mark.parametrize(
    "host",
    ["", "example.com", "127.0.0.1.example", "1.2.3", "0x7f.1", "localhost.example", "[::1", "a@127.0.0.1", "::"],
)
def test_anything_else_is_not_the_server(host):
    assert not is_server(host)


@given(st.text(max_size=300))
def test_a_site_is_always_a_harmless_name(text):
    for site in (read_host(text), read_typed(text)):
        if site is not None:
            assert isinstance(site, Site)
            assert set(site.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
            assert len(site.name) <= 253
            assert read_host(site.name) == site
    is_server(text)
