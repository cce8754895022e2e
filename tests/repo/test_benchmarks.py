"""The benchmark suite: a number is worth what the code that produced it is."""

import os
import random
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import chain, product
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from benchmarks import native
from benchmarks.dnsperf import Latency, Load, parse_latency, parse_load
from benchmarks.flood import parse_flood
from benchmarks.load import Record, achieved_rate, between, longest_silence, lost, p99, read_records, worst_p99
from benchmarks.lookup import LookupRow
from benchmarks.measure import Measurement, Visit
from benchmarks.names import (
    CATEGORY_SHARES,
    Lists,
    allowed_only,
    category_of,
    generate,
    load_lists,
    parents,
    resize,
    write_categories,
)
from benchmarks.peers import PEERS, SAFEDNS, SERVERS
from benchmarks.process import Cost, cpu_seconds, measure_run, pss_bytes, tree
from benchmarks.report import amount, render, store, table
from benchmarks.results import Results
from benchmarks.scenarios import Kill, Swap, changed_list, first_blocked, mixed_queries
from benchmarks.server import SERVER_PORT, Site
from benchmarks.suite import write_rpz
from benchmarks.targets import judge_run
from benchmarks.tools import missing, taken_ports
from benchmarks.wire import RESOLVED_ADDRESS, Outcome, encode_query, judge
from benchmarks.workloads import MIX, Workloads
from safedns.config.model import Config
from safedns.config.words import GROUPS

NAMES = generate(3_000, random.Random(7))
LISTS = Lists(NAMES, allowed_only(generate(2_000, random.Random(8)), NAMES), "test")

SUMMARY = """\
DNS Performance Testing Tool
Version 2.10.0

[Status] Testing complete (time limit)

Statistics:

  Queries sent:         1010
  Queries completed:    1000 (99.01%)
  Queries lost:         10 (0.99%)

  Response codes:       NOERROR 900 (90.00%), SERVFAIL 5 (0.50%), NXDOMAIN 95 (9.50%)
  Average packet size:  request 34, response 50
  Run time (s):         2.000219
  Queries per second:   499.945256

  Average Latency (s):  0.000072 (min 0.000024, max 0.002256)
"""


def is_name(text: str) -> bool:
    labels = text.split(".")
    return len(text) <= 253 and len(labels) > 1 and all(0 < len(label) <= 63 for label in labels)


class TestNames:
    def test_generated_names_are_many_distinct_sorted_and_the_same_for_a_seed(self) -> None:
        assert len(NAMES) == len(set(NAMES)) == 3_000
        assert sorted(NAMES) == NAMES == generate(3_000, random.Random(7))
        assert all(map(is_name, NAMES))

    def test_resize_takes_some_or_adds_names_made_from_pieces(self) -> None:
        assert set(resize(NAMES, 100, random.Random(1))) < set(NAMES)
        grown = resize(NAMES, 9_000, random.Random(1))
        assert set(NAMES) < set(grown)
        assert len(grown) == 9_000
        assert all(map(is_name, grown))

    def test_allowed_names_are_under_no_blocked_one(self) -> None:
        assert allowed_only(["a.b.com", "b.com", "xb.com", "com"], ["b.com"]) == ["xb.com", "com"]

    def test_parents_go_from_the_name_upwards(self) -> None:
        assert list(parents("a.b.c")) == ["a.b.c", "b.c", "c"]

    def test_without_reference_data_lists_are_generated(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("benchmarks.names.BLOCKED_NAMES", 500)
        monkeypatch.setattr("benchmarks.names.ALLOWED_NAMES", 50)
        lists = load_lists(tmp_path, 200)
        assert (len(lists.blocked), len(lists.allowed)) == (200, 50)
        assert "seed" in lists.source

    def test_a_site_has_one_category_and_all_names_are_written_once(self, tmp_path: Path) -> None:
        assert category_of("www.example.com") == category_of("example.com")
        arguments = write_categories(NAMES, tmp_path)
        assert {argument.split("=")[0] for argument in arguments} == set(CATEGORY_SHARES)
        written = chain.from_iterable(Path(argument.split("=")[1]).read_text().split() for argument in arguments)
        assert sorted(written) == NAMES

    def test_every_category_is_blocked_by_the_default_configuration(self) -> None:
        blocked = chain.from_iterable(GROUPS.get(word, {word: 0}) for word in Config().block)
        assert set(CATEGORY_SHARES) <= set(blocked)


class TestWorkloads:
    def test_the_mix_has_its_shares_and_new_names_never_come_twice(self, tmp_path: Path) -> None:
        workloads = Workloads(LISTS, tmp_path)
        warm, blocked, new = set(workloads.warm), set(LISTS.blocked), []
        for repetition in (1, 2):
            files = workloads.write(repetition, seconds=0.02)
            mix = [line.split()[0] for line in files.load["mix"].read_text().splitlines()]
            assert sum(name in warm for name in mix) / len(mix) == pytest.approx(MIX["cached"], abs=0.02)
            assert sum(name in blocked for name in mix) / len(mix) == pytest.approx(MIX["blocked"], abs=0.02)
            for kind, workload in product((files.load, files.flood, files.latency), ("mix", "miss")):
                names = [line.removesuffix(" A") for line in kind[workload].read_text().splitlines()]
                new += [name for name in names if name not in warm and name not in blocked]
        assert len(new) == len(set(new))
        assert all(map(is_name, new))
        assert allowed_only(new, LISTS.blocked) == new

    def test_the_same_seed_gives_the_same_files(self, tmp_path: Path) -> None:
        first, second = (Workloads(LISTS, tmp_path / name).write(1, 0.01) for name in ("a", "b"))
        for workload in ("cached", "blocked", "mix", "miss"):
            assert first.load[workload].read_text() == second.load[workload].read_text()


class TestWire:
    def test_a_query_is_what_dnspython_reads(self) -> None:
        query = dns.message.from_wire(encode_query("www.Example.com", 77))
        assert (query.id, query.flags) == (77, dns.flags.RD)
        assert query.question[0].name.to_text() == "www.Example.com."
        assert query.question[0].rdtype == dns.rdatatype.A

    @pytest.mark.parametrize(
        ("rcode", "address", "outcome"),
        [
            ("NOERROR", ".".join(map(str, RESOLVED_ADDRESS)), Outcome.RESOLVED),
            ("NOERROR", "127.0.0.1", Outcome.BLOCKED),
            ("NXDOMAIN", None, Outcome.BLOCKED),
            ("SERVFAIL", None, Outcome.FAILED),
            ("REFUSED", None, Outcome.FAILED),
        ],
    )
    def test_replies_are_told_apart(self, rcode: str, address: str | None, outcome: Outcome) -> None:
        reply = dns.message.make_response(dns.message.from_wire(encode_query("example.com")), recursion_available=True)
        reply.set_rcode(dns.rcode.from_text(rcode))
        if address:
            reply.answer.append(dns.rrset.from_text("example.com.", 10, "IN", "A", address))
        assert judge(reply.to_wire()) is outcome

    def test_the_floor_and_garbage_are_no_answers(self) -> None:
        query = bytearray(encode_query("example.com"))
        assert judge(bytes(query)) is Outcome.FAILED
        query[2] |= 0x80
        assert judge(bytes(query)) is Outcome.REFLECTED
        assert judge(b"\0" * 11) is Outcome.FAILED


class TestParsers:
    def test_summary(self) -> None:
        assert parse_load(SUMMARY) == Load(answered=1000, lost=10, failed=5, queries_per_second=499.945256)

    def test_no_answer_at_all(self) -> None:
        text = "Queries completed:    0 (0.00%)\nQueries lost:  7 (100.00%)\n\n  Response codes:       \n"
        assert parse_load(text + "  Queries per second:   0.000000\n") == Load(0, 7, 0, 0.0)

    def test_latencies(self) -> None:
        lines = "".join(f"> NOERROR a{number}.example.com A {number / 1e6:.6f}\n" for number in range(1, 101))
        assert parse_latency(lines + "> T b.example.com A\n" + SUMMARY) == Latency(
            pytest.approx(50.5e-6), pytest.approx(100e-6), 10
        )

    @pytest.mark.parametrize(("parse", "text"), [(parse_load, "nonsense"), (parse_latency, SUMMARY)])
    def test_other_output_is_an_error(self, parse: object, text: str) -> None:
        with pytest.raises(RuntimeError, match="dnsperf"):
            parse(text)  # type: ignore[operator]

    def test_flood(self) -> None:
        assert parse_flood("110 100 3 500000000\n") == Load(answered=100, lost=10, failed=3, queries_per_second=200.0)


class Responder(threading.Thread):
    """Answers queries over UDP with the response bit and, at the end, an address; leaves out every `gap`th."""

    def __init__(self, gap: int) -> None:
        super().__init__(daemon=True)
        self.gap = gap
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        self.socket.bind(("127.0.0.1", 0))
        self.names: list[str] = []

    def run(self) -> None:
        while (received := self.socket.recvfrom(512))[0] != b"end":
            message, client = received
            self.names.append(dns.message.from_wire(message).question[0].name.to_text(omit_final_dot=True))
            if len(self.names) % self.gap:
                self.socket.sendto(message[:2] + b"\x81" + message[3:] + RESOLVED_ADDRESS, client)

    def __enter__(self) -> "Responder":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.sendto(b"end", self.socket.getsockname())
        self.join()
        self.socket.close()


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    path = tmp_path / "queries.txt"
    path.write_text("".join(f"{name} A\n" for name in NAMES[:500]))
    return path


class TestLoadGenerators:
    def test_paced_load_accounts_for_every_query(self, tmp_path: Path, queries: Path) -> None:
        with Responder(gap=10) as server:
            port = server.socket.getsockname()[1]
            command = [native.build_load(tmp_path), "127.0.0.1", str(port), queries, "1000", "0.6"]
            output = subprocess.run(command, check=True, capture_output=True).stdout
        (tmp_path / "records").write_bytes(output)
        records = read_records(tmp_path / "records")
        assert len(records) == len(server.names) == 600
        assert lost(records) == 60
        assert [NAMES[:500][record.query] for record in records] == server.names
        assert {record.tail for record in records if record.latency >= 0} == {int.from_bytes(RESOLVED_ADDRESS, "big")}
        assert all(record.latency < 1e9 for record in records)
        assert achieved_rate(records) == pytest.approx(1000, rel=0.2)

    def test_flood_goes_through_the_file_once(self, tmp_path: Path, queries: Path) -> None:
        with Responder(gap=50) as server:
            port = server.socket.getsockname()[1]
            command = [native.build_flood(tmp_path), "127.0.0.1", str(port), queries, "5", "1"]
            load = parse_flood(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert (load.answered, load.lost, load.failed) == (490, 10, 0)
        assert sorted(server.names) == sorted(NAMES[:500])

    def test_flood_stops_in_time(self, tmp_path: Path, queries: Path) -> None:
        with Responder(gap=2**62) as server:
            port = server.socket.getsockname()[1]
            command = [native.build_flood(tmp_path), "127.0.0.1", str(port), queries, "0.3", "0"]
            load = parse_flood(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert load.lost == 0
        assert load.answered == len(server.names) > 500

    def test_a_bad_query_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "bad").write_text(f"{'a' * 64}.com A\n")
        for program in (native.build_flood(tmp_path), native.build_load(tmp_path)):
            result = subprocess.run([program, "127.0.0.1", "9", tmp_path / "bad", "1", "1"], check=False)
            assert result.returncode == 1

    def test_the_floor_reflects(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        program = Path(native.__file__).with_name("floor.py")
        floor = subprocess.Popen([sys.executable, program, native.build_floor(tmp_path), "127.0.0.1", str(port)])
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(("127.0.0.1", port))
                client.settimeout(0.1)
                assert ask_until_answered(client) is Outcome.REFLECTED
        finally:
            floor.terminate()
            floor.wait()


def ask_until_answered(client: socket.socket) -> Outcome:
    for _ in range(100):
        try:
            client.send(encode_query("example.com"))
            return judge(client.recv(512))
        except (ConnectionRefusedError, TimeoutError):
            threading.Event().wait(0.05)
    raise TimeoutError


class TestRecords:
    records = (
        Record(1_000_000_000, 1_000_000, 0, 1),
        Record(1_100_000_000, -1, 1, 0),
        Record(1_200_000_000, 9_000_000, 2, 1),
        Record(1_900_000_000, 2_000_000, 3, 2),
    )

    def test_figures(self) -> None:
        assert lost(self.records) == 1
        assert p99(self.records) == pytest.approx(0.009)
        assert len(between(self.records, 1.0, 1.2)) == 2
        assert worst_p99(self.records[2:], 0.1) == pytest.approx(0.009)
        assert longest_silence(self.records, 1.0, 2.0) == pytest.approx(1.902 - 1.209)

    def test_the_new_list_is_in_use_from_the_first_blocked_marker(self) -> None:
        resolved = int.from_bytes(RESOLVED_ADDRESS, "big")
        records = [Record(i * 10**9, 1, i % 2, resolved if i < 6 else 1) for i in range(10)]
        assert first_blocked(records, first_marker=1, swapped=3.5) == 7.0
        with pytest.raises(RuntimeError, match="not in use"):
            first_blocked(records[:6], first_marker=1, swapped=3.5)

    def test_the_changed_list_blocks_the_markers(self) -> None:
        after, markers = changed_list(LISTS, LISTS.allowed[:500])
        assert len(after.blocked) == len(LISTS.blocked)
        assert set(markers) <= set(after.blocked)
        assert len(set(LISTS.blocked) - set(after.blocked)) == len(LISTS.blocked) // 10
        assert mixed_queries(["warm.com"], ["blocked.com"], markers)[-len(markers) :] == markers


class TestProcess:
    def test_a_run_is_measured_without_its_parent(self, tmp_path: Path) -> None:
        ballast = bytearray(b"x") * 200_000_000
        program = "x = bytearray(b'x') * 60_000_000; import time; time.sleep(0.2)"
        core = min(os.sched_getaffinity(0))
        cost = measure_run([sys.executable, "-S", "-E", "-c", program], core, tmp_path / "log")
        del ballast
        assert 60e6 < cost.peak_bytes < 120e6
        assert 0.2 < cost.seconds < 5

    def test_a_failing_run_is_an_error_that_names_the_log(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match=r"status 3.*log"):
            measure_run(["sh", "-c", "exit 3"], min(os.sched_getaffinity(0)), tmp_path / "log")

    def test_children_count(self) -> None:
        child = subprocess.Popen(["sh", "-c", "while :; do :; done"])
        try:
            assert {os.getpid(), child.pid} <= set(tree(os.getpid()))
            threading.Event().wait(0.3)
            assert 0.05 < cpu_seconds([child.pid]) < 1
            assert 0 < pss_bytes(child.pid) < 10e6
        finally:
            child.kill()
            child.wait()
        assert cpu_seconds([child.pid]) == pss_bytes(child.pid) == 0


class TestPeers:
    def test_every_configuration_is_complete(self, tmp_path: Path) -> None:
        names = tmp_path / "names.txt"
        names.write_text("example.com\n")
        site = Site(tmp_path, names, tmp_path / "rpz", tmp_path / "list", tmp_path / "safedns", tmp_path / "floor.so")
        for server in SERVERS:
            site = replace(site, directory=tmp_path / server.name)
            site.directory.mkdir()
            command = " ".join(server.command(site))
            written = "\n".join(path.read_text() for path in site.directory.iterdir())
            assert str(SERVER_PORT) in command + written
            assert "$" not in written

    def test_zones_block_the_name_and_what_is_below(self, tmp_path: Path) -> None:
        zone = write_rpz(replace(LISTS, blocked=["example.com"]), tmp_path / "zone").read_text()
        assert "\nexample.com CNAME .\n*.example.com CNAME .\n" in zone

    def test_what_is_missing_is_one_line_each(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        lines = missing([SAFEDNS, *PEERS])
        assert sum("apt-get install" in line for line in lines) == len({*(peer.program for peer in PEERS)}) + 4
        assert all("\n" not in line for line in lines)

    def test_a_port_that_is_taken_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            monkeypatch.setattr("benchmarks.tools.SERVER_PORT", port)
            assert any(f"UDP port {port}" in line and "in use" in line for line in taken_ports())


def run_of(cpu: dict[str, float]) -> Results:
    """A run in which each server spent so much at each workload, in three repetitions that differ a little."""
    visits = [
        Visit(
            name,
            first_answer=0.2,
            pss=40_000_000,
            worker_pss=20_000_000,
            measurements=tuple(
                Measurement(workload, 9e4, value * 2, 1e5, value * factor, 1, 0, 1e-4, 2e-4)
                for workload in ("cached", "blocked", "mix", "miss")
            ),
        )
        for factor in (0.9, 1.0, 1.3)
        for name, value in cpu.items()
    ]
    lookups = tuple(
        LookupRow(names, names * 7, 1.0, 10**8, listed, 20.0)
        for names, listed in ((1_000_000, 200.0), (5_000_000, 260.0))
    )
    swap = Swap(5e4, 1, 0.4, 1e-3, 1.1e-3, 2e-3, 2e-3, 40_000_000, 42_000_000, 0)
    return Results({"commit": "abc"}, {}, tuple(visits), lookups, Cost(6.0, 10**8), swap, Kill(2e4, 64, 0.1), ())


class TestReport:
    results = run_of({"floor": 2.0, "safedns": 2.4, "dnsdist": 4.0, "dnsmasq": 3.0})

    def test_targets(self) -> None:
        findings = {finding.name: finding for finding in judge_run(self.results)}
        assert findings["cached, saturated: CPU / kernel floor"].measured == pytest.approx(1.2)
        assert findings["cached, saturated: CPU / kernel floor"].met
        assert findings["miss, dnsperf: CPU / best peer (dnsmasq)"].measured == pytest.approx(0.8)
        assert not findings["miss, dnsperf: CPU / best peer (dnsmasq)"].met
        assert "miss, saturated: CPU / kernel floor" not in findings
        failed = {name for name, finding in findings.items() if not finding.met and "best peer" not in name}
        assert failed == {"compile", "swap under 50 k/s: queries lost", "look-up, 5 M names / 1 M names"}

    def test_the_table_holds_medians_spread_and_ratios(self) -> None:
        text = render(self.results)
        line = next(line for line in text.splitlines() if line.startswith("| dnsdist "))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells == ["dnsdist", "4.00", "40%", "2.00", "1.33", "100,000", "8.00", "90,000", "3", "0.100", "0.200"]

    def test_a_run_is_stored_as_json_and_table(self, tmp_path: Path) -> None:
        path = store(self.results, tmp_path / "runs", "day-abc")
        assert path.read_text() == render(self.results)
        assert '"commit": "abc"' in path.with_suffix(".json").read_text()

    def test_amounts_are_readable(self) -> None:
        assert [amount(value) for value in (0, 0.0123456, 1.2345, 176_319.0)] == ["0", "0.0123", "1.23", "176,319"]

    def test_columns_are_aligned(self) -> None:
        assert table(("a", "bb"), [("long", "1")]) == "| a    | bb |\n| ---- | -: |\n| long |  1 |"
