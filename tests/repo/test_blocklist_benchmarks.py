"""The benchmarks of the blocklist tools: a number is worth what the code that produced it is."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.blocklist_report import render_run, store_run
from benchmarks.blocklist_results import READ, Delta, Measured, Run, judge_blocklists, summarise
from benchmarks.blocklists import PARTS, TEXTS, Options, Suite, choose, parse, run_task


def blocklist_run(**changes: object) -> Run:
    """A run of the blocklist tools in which the numbers are what the targets allow, or nearly."""
    times = [Measured(seconds, seconds, 200_000_000, 10_000_000, None) for seconds in (4.0, 5.0, 6.0)]
    quick = [Measured(0.0009, 0.0009, 20_000_000, 0, None)]
    rows = (
        summarise("sort -u", 1_000_000, [Measured(1.0, 1.0, 10**7, 0, None)]),
        summarise("compile", 1_000_000, times, size=8_000_000),
        summarise("open", 1_000_000, quick),
        summarise("delta apply", 1_000_000, [Measured(0.6, 0.6, 10**8, 70_000_000, None)]),
        summarise(f"{READ}plain", 1_000_000, [Measured(0.2, 0.2, 10**7, 0, None)]),
        summarise(f"{READ}hosts", 1_000_000, [Measured(0.4, 0.4, 10**7, 0, None)]),
    )
    published = {
        "file": "lists/a.txt", "format": "plain", "lines": 5, "names": 2, "blank": 1, "bad": 0, "lost": 1,
        "skipped": {"IP address": 1}, "problem": "",
    }  # fmt: skip
    run = Run({"commit": "abc"}, {}, rows, Delta(1_000, 200, 1_250, 11_000, True), (published,), ("build: no command",))
    return replace(run, **changes)  # type: ignore[arg-type]


class TestReport:
    def test_targets(self) -> None:
        findings = {finding.name: finding for finding in judge_blocklists(blocklist_run())}
        assert findings["compile, 1 M names"].met
        assert findings["compile, 1 M names"].measured == 5.0
        assert findings["open, 1 M names"].measured == pytest.approx(0.9)
        assert findings["delta: bytes per change"].measured == pytest.approx(11_000 / 1_200)
        assert {name for name, finding in findings.items() if not finding.met} == {
            "delta: apply",
            "delta: apply, memory above the mapped files",
            "published lists: lines lost",
        }

    def test_what_was_not_measured_is_not_judged(self) -> None:
        assert judge_blocklists(blocklist_run(rows=(), delta=None, published=())) == []

    def test_tables_hold_ratios_and_what_was_left_out(self, tmp_path: Path) -> None:
        text = store_run(blocklist_run(), tmp_path, "day-abc").read_text()
        assert text == render_run(blocklist_run())
        assert "**Left out:** build: no command" in text
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
        assert ["compile", "1,000,000", "5.00", "5.00", "40%", "5.00", "200.0", "8.00"] in lines
        assert ["hosts", "0.400", "2.50", "0%", "2.00", "10.0"] in lines
        assert ["lists/a.txt", "plain", "5", "2", "1", "0", "1", "1 IP address"] in lines


class TestTasks:
    def test_a_program_is_measured(self) -> None:
        code = "x = bytearray(b'x') * 60_000_000; sum(range(3_000_000))"
        measured = run_task("program", sys.executable, "-S", "-E", "-c", code)
        assert 60e6 < measured.peak < 120e6
        assert 0.01 < measured.cpu < measured.seconds * 1.1

    def test_what_fails_says_why(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="sh -c exit 3 ended with status 3"):
            run_task("program", "sh", "-c", "exit 3")
        with pytest.raises(RuntimeError, match=r"none\.sdns"):
            run_task("load", str(tmp_path / "none.sdns"))

    def test_published_lists_are_read_and_lost_lines_would_be_seen(self, tmp_path: Path) -> None:
        (tmp_path / "good.txt").write_text("# comment\n\na.example\n192.0.2.1\nb..example\n" + "c.example\n" * 20)
        (tmp_path / "page.txt").write_text("<!doctype html><html>\n")
        good, page = run_task("published", str(tmp_path / "good.txt"), str(tmp_path / "page.txt")).found
        assert (good["lines"], good["names"], good["blank"], good["bad"], good["lost"]) == (25, 21, 2, 1, 0)
        assert good["skipped"] == {"IP address": 1}
        assert "error page" in page["problem"]

    @pytest.mark.timeout(120)
    def test_a_small_run_measures_every_part(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("benchmarks.names.BLOCKED_NAMES", 3_000)
        monkeypatch.setattr("benchmarks.names.ALLOWED_NAMES", 1_000)
        safedns = Path(sys.executable).with_name("safedns")
        data = tmp_path / "data"
        run = Suite(Options(PARTS, 3_000, 1, data, tmp_path / "work", safedns)).run()
        assert run.delta is not None
        assert run.delta.identical
        assert {row.work for row in run.rows} >= {
            "sort -u", "compile", "open", "load", "delta make", "delta apply", "guard", *(READ + form for form in TEXTS)
        }  # fmt: skip
        assert [line for line in run.skipped if not line.startswith(("build", "explain"))] == [
            "published: there are no lists and services beside the folder of reference lists"
        ]

    def test_the_command_line(self) -> None:
        options = choose(parse(["--quick", "--only", "read,compile"]))
        assert (options.parts, options.names, options.repetitions) == (("compile", "read"), 20_000, 1)
        assert choose(parse([])).parts == PARTS
        for words in (["--only", "sing"], ["--names", "10"]):
            with pytest.raises(SystemExit):
                parse(words)
