"""What each format that is read a line at a time takes, leaves out and refuses."""

from pathlib import Path

import pytest

from safedns.blocklist.formats import Reading, Scope, read

BLOCK = (Scope.SUFFIX, False)
EXACT = (Scope.EXACT, False)
BELOW = (Scope.BELOW, False)
ALLOW = (Scope.SUFFIX, True)


def entries(path: Path, text: str, style: str, **options: str) -> tuple[list, Reading]:
    path.write_text(text, encoding="utf-8")
    reading = Reading(str(path))
    found = [
        (line.decode(), names.number(index), names.scope, names.allow)
        for names in read(str(path), reading, format=style, options=options)
        for index, line in enumerate(names.data.split(b"\n"))
        if line
    ]
    return sorted(found, key=lambda entry: entry[1]), reading


@pytest.mark.parametrize(
    ("style", "line", "name", "meaning"),
    [
        ("adblock", "||a.example^", "a.example", BLOCK),
        ("adblock", "||a.example^|", "a.example", BLOCK),
        ("adblock", "||a.example^$important", "a.example", BLOCK),
        ("adblock", "||a.example^$all,important", "a.example", BLOCK),
        ("adblock", "@@||a.example^", "a.example", ALLOW),
        ("adblock", "@@||a.example^$important", "a.example", ALLOW),
        ("adblock", "|a.example^", "a.example", EXACT),
        ("adblock", "@@|a.example^", "a.example", (Scope.EXACT, True)),
        ("adblock", "||*.a.example^", "a.example", BELOW),
        ("adblock", "||bücher.example^", "xn--bcher-kva.example", BLOCK),
        ("dnsmasq", "address=/a.example/", "a.example", BLOCK),
        ("dnsmasq", "address=/a.example/#", "a.example", BLOCK),
        ("dnsmasq", "address=/a.example/0.0.0.0", "a.example", BLOCK),
        ("dnsmasq", "address=/a.example/::", "a.example", BLOCK),
        ("dnsmasq", "address=/.a.example/192.168.1.9 # why", "a.example", BLOCK),
        ("dnsmasq", "local=/a.example/", "a.example", BLOCK),
        ("dnsmasq", "server=/a.example/", "a.example", BLOCK),
        ("dnsmasq", "server=/a.example/#", "a.example", ALLOW),
        ("dnsmasq", "server=/a.example/192.0.2.1#53", "a.example", ALLOW),
        ("dnsmasq", "local=/*.a.example/", "a.example", BELOW),
        ("unbound", 'local-zone: "a.example" always_nxdomain', "a.example", BLOCK),
        ("unbound", "local-zone: a.example. refuse", "a.example.", BLOCK),
        ("unbound", 'local-zone: "a.example" transparent # own', "a.example", ALLOW),
        ("unbound", 'local-data: "a.example 60 IN A 0.0.0.0"', "a.example", EXACT),
        ("unbound", "local-data: 'a.example AAAA ::'", "a.example", EXACT),
        ("rpz", "a.example CNAME .", "a.example", EXACT),
        ("rpz", "a.example 60 IN CNAME *.", "a.example", EXACT),
        ("rpz", "A.Example IN 1h cname rpz-drop.", "a.example", EXACT),
        ("rpz", "*.a.example CNAME . ; why", "a.example", BELOW),
        ("rpz", "a.example CNAME rpz-passthru.", "a.example", (Scope.EXACT, True)),
        ("rpz", "*.a.example CNAME rpz-passthru.", "a.example", (Scope.BELOW, True)),
        ("rpz", "a.example CNAME a.example.", "a.example", (Scope.EXACT, True)),
        ("rpz", "a.example A 127.0.0.1", "a.example", EXACT),
        ("v2fly", "a.example", "a.example", BLOCK),
        ("v2fly", "domain:a.example @ads # why", "a.example", BLOCK),
        ("v2fly", "full:a.example @!cn &other", "a.example", EXACT),
        ("urls", "http://a.example", "a.example", EXACT),
        ("urls", "HTTPS://user@a.example:8443/", "a.example", EXACT),
        ("urls", "a.example/", "a.example", EXACT),
    ],
)
def test_what_a_line_says(tmp_path: Path, style: str, line: str, name: str, meaning: tuple[Scope, bool]) -> None:
    found, reading = entries(tmp_path / "list", f"\n{line}\n", style)
    assert found == [(name, 2, *meaning)]
    assert (reading.lines, reading.listed, reading.names, reading.blank, reading.bad) == (2, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("style", "line", "kind"),
    [
        ("adblock", "||a.example^$third-party", "modifier: first or third party"),
        ("adblock", "||a.example^$important,~script", "modifier: content type"),
        ("adblock", "||a.example^$document", "modifier: content type"),
        ("adblock", "||a.example^$domain=b.example", "modifier: page"),
        ("adblock", "||a.example^$badfilter", "modifier: badfilter"),
        ("adblock", "||com^$denyallow=a.com|b.com", "modifier: denyallow"),
        ("adblock", "||a.example^$dnsrewrite=192.0.2.1", "modifier: dnsrewrite"),
        ("adblock", "||a.example^$dnstype=AAAA", "modifier: dnstype"),
        ("adblock", "||a.example^$client=tv", "modifier: client"),
        ("adblock", "||a.example^$unheard-of", "modifier: other"),
        ("adblock", "a.example##.ad", "cosmetic rule"),
        ("adblock", "##.ad", "cosmetic rule"),
        ("adblock", "a.example#@#.ad", "cosmetic rule"),
        ("adblock", r"/ads[0-9]+\.example/", "regular expression"),
        ("adblock", "||a.example/ads^", "address of a page"),
        ("adblock", "||a.example", "pattern"),
        ("adblock", "a.example", "pattern"),
        ("adblock", "||a*.example^", "pattern"),
        ("adblock", "||192.0.2.1^", "IP address"),
        ("dnsmasq", "address=/a.example/8.8.8.8", "answer with a real address"),
        ("dnsmasq", "address=/#/", "pattern for more than one name"),
        ("dnsmasq", "local=/*ads.example/", "pattern for more than one name"),
        ("dnsmasq", "cache-size=1000", "other setting"),
        ("unbound", "server:", "other setting"),
        ("unbound", 'local-zone: "." refuse', "zone of every name"),
        ("unbound", 'local-zone: "a.example" block_a', "zone of another type"),
        ("unbound", 'local-data: "a.example CNAME b.example"', "local data other than an address"),
        ("unbound", 'local-data: "a.example A 8.8.8.8"', "answer with a real address"),
        ("rpz", "a.example CNAME b.example.", "answer with another name"),
        ("rpz", "a.example CNAME rpz-tcp-only.", "rpz-tcp-only"),
        ("rpz", "a.example A 8.8.8.8", "answer with a real address"),
        ("rpz", 'a.example TXT "; ("', "local data other than an address"),
        ("rpz", "24.0.2.0.192.rpz-ip CNAME .", "rpz-ip"),
        ("rpz", "ns.example.rpz-nsdname CNAME .", "rpz-nsdname"),
        ("rpz", "$TTL 60", "directive"),
        ("rpz", "$GENERATE 1-9 a$ CNAME .", "directive $GENERATE"),
        ("rpz", "@ NS localhost.", "data of the zone itself"),
        ("v2fly", "keyword:ads", "keyword"),
        ("v2fly", r"regexp:^ads[0-9]\.example$", "regular expression"),
        ("urls", "http://a.example/page", "has a path"),
        ("urls", "http://a.example/?q", "has a path"),
        ("urls", "http://a.example?q", "has a path"),
        ("urls", "http://a.example/#top", "has a path"),
        ("urls", "http://192.0.2.1/", "IP address"),
        ("urls", "http://[2001:db8::1]:80/", "IP address"),
    ],
)
def test_what_can_not_be_honoured_is_counted_by_kind(tmp_path: Path, style: str, line: str, kind: str) -> None:
    found, reading = entries(tmp_path / "list", line + "\n", style)
    assert found == []
    assert dict(reading.skipped) == {kind: 1}
    assert (reading.bad, reading.blank) == (0, 0)


@pytest.mark.parametrize(
    ("style", "good", "bad"),
    [
        ("dnsmasq", "local=/a.example/", "a.example"),
        ("dnsmasq", "local=/a.example/", "address=/a.example/everywhere"),
        ("unbound", 'local-zone: "a.example" static', "a.example"),
        ("unbound", 'local-zone: "a.example" static', 'local-data: "a.example A nowhere"'),
        ("rpz", "a.example CNAME .", "a.example.com. CNAME ."),
        ("rpz", "a.example CNAME .", "a.example BLOCK ."),
        ("rpz", "a.example CNAME .", 'a.example TXT "open'),
        ("v2fly", "full:a.example", "full:"),
        ("v2fly", "full:a.example", "include:none"),
        ("urls", "http://a.example/", "http://"),
        ("urls", "http://a.example/", "two words"),
        ("csv", "a.example,1", '"a,1'),
        ("plain", "a.example", "b\u2260\u0338\ufdd0.example"),
    ],
)
def test_a_bad_line_is_told_and_the_others_taken(tmp_path: Path, style: str, good: str, bad: str) -> None:
    path = tmp_path / "list"
    header = "domain,n\n" if style == "csv" else ""
    found, reading = entries(path, header + f"{good}\n" * 19 + bad + "\n", style)
    assert len(found) == 19
    assert reading.bad == 1
    assert reading.first_bad[0].startswith(f"{path}:{21 if header else 20}: ")
    assert reading.blank == 0


def test_several_names_on_a_line_of_dnsmasq(tmp_path: Path) -> None:
    found, reading = entries(tmp_path / "list", "local=/a.example/b.example/\n", "dnsmasq")
    assert [entry[:2] for entry in found] == [("a.example", 1), ("b.example", 1)]
    assert (reading.listed, reading.names) == (1, 2)


ZONE = """$ORIGIN rpz.example.
$TTL 60
@ SOA ns.example. hostmaster.example. (
    1 ; serial
    2 3 4 5 )
  NS ns.example.
a.example CNAME .
          A 0.0.0.0
b.example.rpz.example. CNAME .
$ORIGIN com.rpz.example.
c CNAME .
"""


def test_a_zone_with_origins_and_records_over_several_lines(tmp_path: Path) -> None:
    found, reading = entries(tmp_path / "list", ZONE, "rpz")
    assert [entry[:2] for entry in found] == [("a.example", 7), ("a.example", 8), ("b.example", 9), ("c.com", 11)]
    assert dict(reading.skipped) == {"directive": 3, "data of the zone itself": 4}


def test_the_zone_can_be_named(tmp_path: Path) -> None:
    found, _ = entries(tmp_path / "list", "a.example.rpz.test. CNAME .\n", "rpz", origin="rpz.test")
    assert [entry[0] for entry in found] == ["a.example"]


def test_included_lists_and_attributes(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("b.example @ads\nc.example\ninclude:list\n")
    text = "".join(f"n{number}.example\n" for number in range(30)) + "a.example @ads\ninclude:more @ads\n"
    found, reading = entries(tmp_path / "list.txt", text, "v2fly")
    assert [entry[:2] for entry in found[30:]] == [("a.example", 31), ("b.example", 32)]
    assert dict(reading.skipped) == {"include": 1, "without the attributes wanted": 1}
    assert "found a loop" in reading.first_bad[0]
    assert reading.lines == 35


@pytest.mark.parametrize(
    ("wanted", "names"),
    [("ads", ["b.example"]), ("-ads", ["a.example", "c.example"]), ("-ads, -cn", ["a.example"]), ("ads cn", [])],
)
def test_attributes_that_are_wanted(tmp_path: Path, wanted: str, names: list[str]) -> None:
    text = "a.example\nb.example @ads\nc.example @cn\n"
    found, _ = entries(tmp_path / "list", text, "v2fly", attributes=wanted)
    assert [entry[0] for entry in found] == names


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("id,domain\n1,a.example\n\n2,b.example\n", {}),
        ("# made today\nid\tHost\n1\ta.example\n\t\n2\tb.example\n", {"column": "host", "delimiter": "tab"}),
        ("id;x\n1;a.example\n# no\n2;*.b.example\n", {"column": "2"}),
        ('id,"domain"\n1,"a.example"\n"more\nthan ""one",\n2,b.example\n', {"column": "domain"}),
    ],
)
def test_tables(tmp_path: Path, text: str, options: dict[str, str]) -> None:
    found, reading = entries(tmp_path / "list", text, "csv", **options)
    assert [entry[0] for entry in found] == ["a.example", "b.example"]
    assert reading.bad == 0
    assert reading.skipped["header"] == 1


def test_urls_in_a_table_are_not_widened(tmp_path: Path) -> None:
    found, reading = entries(tmp_path / "list", "url\nhttp://a.example/x\nhttp://b.example/\n", "csv", column="url")
    assert found == [("b.example", 3, Scope.EXACT, False)]
    assert reading.skipped["has a path"] == 1
