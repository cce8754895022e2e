"""A home's first hour with the real program: lists compiled, sites blocked, the rest resolved, all that can fail."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dns.rcode
import pytest

from tests.helpers.client import TRANSPORTS, framed, over_tcp, over_udp
from tests.helpers.messages import addresses, extended_error, make_query, read
from tests.helpers.service import Service, free_port, read_message, write_list
from tests.helpers.upstream import Upstream, address_of

pytestmark = pytest.mark.e2e

LISTS = Path(__file__).parents[3] / "shared/data/lists"
REAL = {
    "gambling": ("gambling.hostsvn.txt", "gambling.shadowwhisperer.txt"),
    "porn": ("adult.hostsvn.txt", "adult.shadowwhisperer.txt"),
}
OWN = {"gambling": ["casino.example", "bet.example"], "porn": ["adult.example", "xxx.example"]}
PRESENT = all((LISTS / name).is_file() for names in REAL.values() for name in names)
GOOD = "192.0.2.1"
FREE = "free.safedns.example"
GRACE = 2.0
"""Seconds that anything may take that is not what the test is about."""

transports = pytest.mark.parametrize("ask", TRANSPORTS.values(), ids=TRANSPORTS)


def wait_until(condition, seconds=GRACE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def run(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "safedns", *map(str, words)], capture_output=True, text=True, timeout=20, **options
    )


def names_of(files):
    """A name from each tenth of the lists of a category."""
    for file in files:
        lines = [line.split("#")[0].split() for line in file.read_text(encoding="utf-8").splitlines()]
        names = [fields[-1] for fields in lines if fields and re.fullmatch(r"[a-z0-9.-]+\.[a-z]+", fields[-1])]
        yield from names[:: max(1, len(names) // 10)]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("real-lists", marks=pytest.mark.skipif(not PRESENT, reason="no lists in ../shared/data/lists")),
        "own-lists",
    ],
)
def lists(request, tmp_path_factory):
    """Category to its list files."""
    if request.param == "real-lists":
        return {category: [LISTS / name for name in names] for category, names in REAL.items()}
    folder = tmp_path_factory.mktemp("lists")
    for category, names in OWN.items():
        (folder / category).write_text("\n".join(names))
    return {category: [folder / category] for category in OWN}


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as running:
        yield running


class Home(Service):
    """The service as a home has it: UDP and TCP, IPv4 and IPv6, pages, the end of HTTPS."""

    def __init__(self, folder, upstream, blocklist, **config):
        self.web, self.tls = free_port(), free_port()
        self.list_file = blocklist
        super().__init__(
            folder,
            upstream={"servers": [upstream]},
            blocklist={"file": str(blocklist)},
            web={"listen": [f"127.0.0.1:{self.web}"], "tls": [f"127.0.0.1:{self.tls}"]},
            **config,
        )
        self.config["listen"] = [f"127.0.0.1:{self.port}", f"[::1]:{self.port}"]

    def get(self, host, path="/", **headers):
        """Ask for a page as a browser that has resolved `host` to this machine."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=GRACE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": host, **headers})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.get("127.0.0.1", "/metrics")[1].splitlines():
            if re.match(rf"{name}[ {{]", line) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total


@pytest.fixture(scope="module")
def home(lists, upstream, tmp_path_factory):
    """Lists compiled and served, all by the command line."""
    folder = tmp_path_factory.mktemp("home")
    sources = [f"{category}={file}" for category, files in lists.items() for file in files]
    compiled = run("blocklist", "compile", "--output", folder / "list.bin", "--serial", 7, *sources)
    assert compiled.returncode == 0, compiled.stderr
    with Home(folder, upstream.server, folder / "list.bin") as running:
        yield running


@pytest.fixture
def small(upstream, tmp_path):
    """A home with one blocked name, for what changes it."""
    write_list(tmp_path / "list.bin", ["casino.example"], serial=1)
    with Home(tmp_path, upstream.server, tmp_path / "list.bin") as running:
        yield running


def test_it_says_when_it_is_ready_and_for_what(home):
    assert re.fullmatch(
        rf"ready dns=127\.0\.0\.1:{home.port},\[::1\]:{home.port} web=127\.0\.0\.1:{home.web}"
        rf" blocklist=\d+ \(serial 7\) pid={home.pid}\n",
        home.ready,
    )


@transports
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_listed_names_are_blocked_and_others_resolve(home, lists, upstream, ask, address):
    kind = "AAAA" if ":" in address else "A"
    for category, files in lists.items():
        for name in names_of(files):
            for asked in (name, f"www.{name.upper()}"):
                reply = read(ask(home.port, make_query(asked, kind, use_edns=0), address=address))
                assert addresses(reply) == [address], f"{asked} ({category})"
                assert extended_error(reply) == 17
    asked = len(upstream.asked)
    name = f"{ask.__name__.replace('_', '-')}-{kind}.{FREE}"
    assert addresses(read(ask(home.port, make_query(name), address=address))) == [GOOD]
    assert len(upstream.asked) == asked + 1, "and only what is open is asked upstream"


def test_the_block_page_says_what_and_why(home, lists):
    for category, files in lists.items():
        name = next(names_of(files))
        for language, word in (("vi", "chặn"), ("en", "blocked")):
            status, page = home.get(f"www.{name}", "/some/path?x=1", **{"Accept-Language": language})
            assert status == 403
            assert f"www.{name}" in page
            assert word in page.lower()
        shown = run("explain", name, "--config", home.file, "--json")
        assert shown.returncode == 0
        assert category in shown.stdout


def test_https_ends_at_once_with_an_alert(home):
    hello = bytes.fromhex("160301 0005 01000001 00")
    with socket.create_connection(("127.0.0.1", home.tls), GRACE) as end:
        start = time.perf_counter()
        end.sendall(hello)
        alert = end.recv(64)
        assert time.perf_counter() - start < 0.2
        assert alert[0] == 21, "a TLS alert"
        assert alert[5] == 2, "a fatal one"
        end.shutdown(socket.SHUT_WR)
        assert end.recv(1) == b""


def test_metrics_count_and_name_nobody(home, lists):
    def seen():
        return (
            home.metric("safedns_queries_total", protocol="udp", type="A"),
            home.metric("safedns_queries_total", protocol="tcp", type="A"),
            home.metric("safedns_blocked_total", category="gambling"),
            home.metric("safedns_upstream_queries_total"),
            home.metric("safedns_cache_hits_total"),
            home.metric("safedns_answers_total", rcode="NOERROR"),
        )

    blocked = next(names_of(lists["gambling"]))
    before = seen()
    for _ in range(3):
        over_udp(home.port, make_query(blocked))
        over_udp(home.port, make_query(f"metrics.{FREE}"))
    over_tcp(home.port, make_query(blocked))
    assert [new - old for new, old in zip(seen(), before, strict=True)] == [6, 1, 4, 1, 2, 7]
    assert home.metric("safedns_list_serial") == 7
    assert home.metric("safedns_list_entries") > 0
    page = home.get("127.0.0.1", "/metrics")[1]
    assert FREE not in page
    assert blocked not in page
    assert not re.search(r"\b127\.0\.0\.1\b|::1|192\.0\.2\.1", page)
    shown = run("stats", "--web", f"127.0.0.1:{home.web}")
    assert shown.returncode == 0, shown.stderr
    assert "gambling" in shown.stdout


def test_a_list_that_is_replaced_is_used_within_two_seconds(small):
    assert small.is_blocked("casino.example")
    write_list(small.list_file, ["other.example"], serial=2)
    start = time.monotonic()
    wait_until(lambda: small.is_blocked("other.example"), 2.0)
    assert not small.is_blocked("casino.example")
    wait_until(lambda: small.metric("safedns_list_serial") == 2)
    assert time.monotonic() - start < 3.0
    assert small.get("other.example")[0] == 403


def test_hangup_reads_configuration_and_list_again(small):
    small.write_config(answer={"modes": {"gambling": "nxdomain"}})
    small.reload()
    wait_until(lambda: read(small.ask("casino.example")).rcode() == dns.rcode.NXDOMAIN)
    small.write_config(block=["adult"])
    small.reload()
    wait_until(lambda: addresses(read(small.ask("casino.example"))) == [GOOD])
    small.write_config(block=["gambling"], nonsense=True)
    small.reload()
    small.wait_for_log("the configuration in use stays")
    assert addresses(read(small.ask("casino.example"))) == [GOOD]
    assert "nonsense" in small.log


def test_a_reload_loses_no_question_that_waits_for_an_upstream(tmp_path):
    with Upstream(lambda asked: [(0.1, address_of(asked))]) as upstream, contextlib.ExitStack() as stack:
        write_list(tmp_path / "list.bin", ["casino.example"], serial=1)
        home = stack.enter_context(Home(tmp_path, upstream.server, tmp_path / "list.bin"))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        tcp = stack.enter_context(home.connect())
        udp.settimeout(GRACE)
        for number in range(5):
            udp.sendto(make_query(f"udp{number}.{FREE}"), ("127.0.0.1", home.port))
            tcp.sendall(framed(make_query(f"tcp{number}.{FREE}")))
        time.sleep(0.04)
        home.reload()
        for receive in (lambda: udp.recv(512), lambda: read_message(tcp)):
            assert [addresses(read(receive())) for _ in range(5)] == [[GOOD]] * 5


def damaged(content):
    """A list file with each kind of damage."""
    middle = len(content) // 2
    yield "cut short", content[:middle]
    yield "empty", b""
    yield "a bit flipped", content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    yield "another magic", b"X" + content[1:]
    yield "one octet more", content + b"\0"
    yield "text", b"casino.example\n" * 20


def test_a_damaged_list_is_refused_and_the_old_one_stays(small):
    good = small.list_file.read_bytes()
    for number, (what, content) in enumerate(damaged(good), 1):
        unfinished = small.folder / "unfinished"
        unfinished.write_bytes(content)
        unfinished.rename(small.list_file)
        wait_until(lambda number=number: small.log.count("the blocklist in use stays") >= number)
        assert small.is_blocked("casino.example"), what
        assert addresses(read(small.ask(FREE))) == [GOOD], what
    assert small.metric("safedns_list_serial") == 1
    write_list(small.list_file, ["other.example"], serial=3)
    wait_until(lambda: small.is_blocked("other.example"))


def test_a_killed_worker_is_not_missed(small):
    for _ in range(3):
        (worker, _web) = small.children()
        os.kill(worker, signal.SIGKILL)
        start = time.monotonic()
        assert small.is_blocked("casino.example")
        assert time.monotonic() - start < GRACE
        wait_until(lambda worker=worker: len(small.children()) == 2 and worker not in small.children())
        assert over_tcp(small.port, make_query(FREE))


def test_a_killed_web_process_is_not_noticed_by_queries(small):
    (_, web) = small.children()
    os.kill(web, signal.SIGKILL)
    for _ in range(50):
        start = time.monotonic()
        assert small.is_blocked("casino.example")
        assert time.monotonic() - start < 0.2
    wait_until(lambda: len(small.children()) == 2)
    assert small.get("casino.example")[0] == 403


def test_a_dead_upstream_is_servfail_with_a_reason_and_blocked_names_stay_blocked(tmp_path):
    write_list(tmp_path / "list.bin", ["casino.example"], serial=1)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        with Home(tmp_path, server, tmp_path / "list.bin") as home:
            start = time.monotonic()
            reply = read(over_udp(home.port, make_query(FREE, use_edns=0)))
            assert time.monotonic() - start <= 2.0
            assert (reply.rcode(), extended_error(reply)) == (dns.rcode.SERVFAIL, 22)
            assert home.is_blocked("casino.example")


@pytest.mark.parametrize("which", ["dns", "web", "tls"])
def test_a_port_in_use_is_one_sentence(tmp_path, upstream, which):
    write_list(tmp_path / "list.bin", ["casino.example"], serial=1)
    home = Home(tmp_path, upstream.server, tmp_path / "list.bin")
    port = {"dns": home.port, "web": home.web, "tls": home.tls}[which]
    with socket.create_server(("127.0.0.1", port)):
        home.write_config()
        refused = run("serve", "--config", home.file)
    assert refused.returncode == 2
    assert refused.stdout == ""
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("safedns: ")]
    assert f"127.0.0.1:{port}" in line
    assert "Traceback" not in refused.stderr
    # Nothing of what it had opened is left.
    with Home(tmp_path, upstream.server, tmp_path / "list.bin") as again:
        assert again.is_blocked("casino.example")


def test_flags_stand_in_for_a_file(tmp_path, upstream):
    write_list(tmp_path / "list.bin", ["casino.example"], serial=1)
    port, web, tls = free_port(), free_port(), free_port()
    flags = [
        "--listen", f"127.0.0.1:{port}", "--listen", f"[::1]:{port}", "--web", f"127.0.0.1:{web}",
        "--tls", f"127.0.0.1:{tls}", "--upstream", upstream.server, "--blocklist", str(tmp_path / "list.bin"),
        "--user", "root" if os.geteuid() == 0 else "nobody", "--workers", "2",
    ]  # fmt: skip
    command = [sys.executable, "-m", "safedns", "serve", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().startswith("ready ")
            for address in ("127.0.0.1", "::1"):
                for ask in TRANSPORTS.values():
                    assert addresses(read(ask(port, make_query(FREE), address=address))) == [GOOD]
        finally:
            process.send_signal(signal.SIGINT)
            output, log = process.communicate(timeout=5)
    assert process.returncode == 0
    assert output == "", "one line and no more"
    assert "Traceback" not in log


def test_ctrl_c_in_a_terminal_ends_all_cleanly(small):
    """A terminal sends the signal to every process of the group at once."""
    children = small.children()
    for process in (small.pid, *children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT)
    assert small.process.wait(5) == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert "Traceback" not in small.log
    assert "error" not in small.log
