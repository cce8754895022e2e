"""NSD, dnsmasq and Unbound as upstreams; dig and kdig as clients."""

import re
import subprocess
from dataclasses import dataclass

import pytest

from tests.helpers import peers
from tests.helpers.service import Service, write_list

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        any(map(peers.missing, (*peers.NAMES, "dig", "kdig"))),
        reason="needs nsd, dnsmasq, unbound, dig and kdig: make test installs them",
    ),
]

CLIENTS = ("dig", "kdig")


@dataclass(frozen=True, slots=True)
class Home:
    """The service in front of an upstream."""

    service: Service
    upstream: str

    def ask(self, client, *words):
        """Ask with a client; returns what it shows."""
        # As kdig takes a name for an international one it would send it in lower case.
        plain = {"dig": "+noidnin", "kdig": "+noidn"}[client]
        command = [client, "@127.0.0.1", "-p", str(self.service.port), plain, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert "WARNING" not in done.stdout, done.stdout
        assert "Warn" not in done.stdout, done.stdout
        return Shown(done.stdout)

    def records(self, client, *words):
        """The records of the answer section, as `type data`."""
        return self.ask(client, *words).answer


@dataclass(frozen=True, slots=True)
class Shown:
    """What dig or kdig shows: they differ in little."""

    text: str

    @property
    def status(self):
        return re.search(r"status: (\w+)", self.text)[1]

    @property
    def flags(self):
        return set(re.search(r"[Ff]lags: ([a-z ]*);", self.text)[1].split())

    def section(self, name):
        found = re.search(rf";; {name} SECTION:\n(.*?)\n(\n|;;|$)", self.text, re.DOTALL)
        return [line.split(None, 4) for line in found[1].splitlines()] if found else []

    @property
    def question(self):
        return re.search(r";; QUESTION SECTION:\n;;? ?(\S+)", self.text)[1]

    @property
    def answer(self):
        return sorted(f"{kind} {data.strip()}" for _, _, _, kind, data in self.section("ANSWER"))

    @property
    def over_tcp(self):
        return bool(re.search(r"\(TCP\)|retrying in TCP mode|retrying over TCP", self.text))


@pytest.fixture(scope="module", params=peers.NAMES)
def home(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write_list(folder / "list.bin", ["casino.example"], serial=1)
    with peers.start("nsd", folder) as zone:
        if request.param == "nsd":
            with _serve(folder, zone) as service:
                yield Home(service, "nsd")
            return
        with peers.start(request.param, folder, zone) as port, _serve(folder, port) as service:
            yield Home(service, request.param)


def _serve(folder, port):
    return Service(
        folder,
        upstream={"servers": [f"127.0.0.1:{port}"]},
        blocklist={"file": str(folder / "list.bin")},
    )


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("client", CLIENTS)
def test_records_of_every_kind(home, client, transport):
    def records(name, kind):
        return home.records(client, transport, f"{name}.zone.example" if name else "zone.example", kind)

    for _ in ("fresh", "cached"):
        assert records("www", "A") == ["A 192.0.2.1"]
        assert records("www", "AAAA") == ["AAAA 2001:db8::1"]
        assert records("", "MX") == ["MX 10 mail.zone.example."]
        assert records("_sip._udp", "SRV") == ["SRV 1 2 5060 www.zone.example."]
        assert records("caa", "CAA") == ['CAA 0 issue "ca.example"']
        assert records("short", "TXT") == ['TXT "one" "two"']
        assert records("a.b.wild", "A") == ["A 192.0.2.4"]
        aliases = ["CNAME a2.zone.example.", "CNAME a3.zone.example.", "CNAME www.zone.example."]
        assert records("a1", "A") == ["A 192.0.2.1", *aliases]
        assert [record.lower() for record in records("odd", "TYPE65280")] == ["type65280 \\# 4 00c0ffee"]
        assert "sip:a@zone.example" in records("naptr", "NAPTR")[0]
        assert records("https", "HTTPS")[0].replace('"', "") == "HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_what_does_not_exist(home, client, transport):
    for _ in ("fresh", "cached"):
        shown = home.ask(client, transport, "nowhere.zone.example", "A")
        assert (shown.status, shown.answer) == ("NXDOMAIN", [])
        assert [row[3] for row in shown.section("AUTHORITY")] == ["SOA"]
        shown = home.ask(client, transport, "www.zone.example", "MX")
        assert (shown.status, shown.answer) == ("NOERROR", [])
        assert [row[3] for row in shown.section("AUTHORITY")] == ["SOA"]
        shown = home.ask(client, transport, "dangling.zone.example", "A")
        assert shown.answer == ["CNAME nowhere.zone.example."]
        assert shown.status == "NXDOMAIN"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_large_answer_comes_over_tcp_whole(home, client):
    shown = home.ask(client, "long.zone.example", "TXT")
    assert shown.over_tcp
    assert shown.answer[0].count("x" * 99) == peers.LONG_TEXT
    shown = home.ask(client, "+ignore", "long.zone.example", "TXT")
    assert "tc" in shown.flags
    assert shown.answer == []


@pytest.mark.parametrize("size", [512, 800, 1000, 1232, 4096])
def test_udp_sizes(home, size):
    shown = home.ask("dig", "+ignore", f"+bufsize={size}", "middle.zone.example", "TXT")
    assert ("tc" in shown.flags) == (size < 1000), "about 950 octets"
    shown = home.ask("dig", "+ignore", f"+bufsize={size}", "many.zone.example", "A")
    assert ("tc" in shown.flags) == (size < 1232), "1,020 octets"
    assert int(re.search(r"MSG SIZE +rcvd: (\d+)", shown.text)[1]) <= size
    shown = home.ask("dig", "+ignore", "+noedns", "many.zone.example", "A")
    assert "tc" in shown.flags
    assert "OPT PSEUDOSECTION" not in shown.text


def test_dnssec_flags(home):
    shown = home.ask("dig", "+dnssec", "+cd", "www.zone.example", "A")
    assert shown.answer == ["A 192.0.2.1"]
    assert {"cd", "rd", "ra"} <= shown.flags
    assert re.search(r"EDNS: version: 0, flags: do; udp: 1232", shown.text)
    shown = home.ask("dig", "+nodnssec", "+adflag", "www.zone.example", "A")
    assert "cd" not in shown.flags
    assert "ad" not in shown.flags, "no upstream here validates"
    assert re.search(r"EDNS: version: 0, flags:; udp: 1232", shown.text)


def test_what_dig_sends_by_default_and_can_be_made_to_send(home):
    for words in (
        ["+cookie"],
        ["+nsid"],
        ["+subnet=192.0.2.0/24"],
        ["+ednsopt=100:c0ffee"],
        ["+zflag"],
        ["+padding=64"],
    ):
        shown = home.ask("dig", *words, "www.zone.example", "A")
        assert (shown.status, shown.answer) == ("NOERROR", ["A 192.0.2.1"]), words
        assert "COOKIE" not in shown.text
        assert "CLIENT-SUBNET" not in shown.text
    shown = home.ask("dig", "+edns=1", "+noednsnegotiation", "www.zone.example", "A")
    assert shown.status == "BADVERS"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_blocked_names_and_aliases_to_them(home, client, transport):
    for name in ("casino.example", "www.Casino.example", "innocent.zone.example"):
        for _ in ("fresh", "cached"):
            shown = home.ask(client, transport, "+edns", name, "A")
            assert (shown.status, shown.answer) == ("NOERROR", ["A 127.0.0.1"]), name
            assert re.search(r"EDE: 17 \(Filtered\)", shown.text)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_case_of_the_question_is_kept(home, client):
    for name in ("wWw.ZoNe.eXaMpLe.", "WWW.zone.EXAMPLE.", "www.zone.example."):
        shown = home.ask(client, name, "A")
        assert shown.question == name
        assert shown.answer == ["A 192.0.2.1"]


def test_many_queries_on_one_tcp_connection(home):
    names = [f"n{number}.wild.zone.example" for number in range(20)]
    for client in CLIENTS:
        command = [client, "@127.0.0.1", "-p", str(home.service.port), "+tcp", "+keepopen", *names]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert done.stdout.count("192.0.2.4") == 20, done.stdout
        assert done.stdout.count("status: NOERROR") == 20
