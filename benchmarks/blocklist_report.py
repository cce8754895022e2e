"""The tables of a run of the blocklist tools, as Markdown, and its stored form."""

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.blocklist_results import READ, Row, Run, find, judge_blocklists
from benchmarks.report import findings_table, table
from benchmarks.targets import MEGABYTE

LEGEND = """How each number comes about: benchmarks/README.md. Everything runs in a process of its own on one core. The
tables hold medians over repetitions, the highest peak of memory, and the spread of the times between repetitions."""

TO_FILE = ("sort -u", "compile", "build", "build again")
USES = ("open", "load", "explain, first", "explain", "guard", "delta make", "delta apply")


def store_run(run: Run, directory: Path, name: str) -> Path:
    """Write NAME.json and NAME.md; return the path of the table."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(asdict(run), indent=1) + "\n")
    path = directory / f"{name}.md"
    path.write_text(render_run(run))
    return path


def render_run(run: Run) -> str:
    """The whole run as Markdown."""
    skipped = "".join(f"\n\n**Left out:** {line}" for line in run.skipped)
    sections = [
        f"# Blocklist tools of {run.facts['commit']}\n\n{LEGEND}{skipped}",
        findings_table(judge_blocklists(run)),
    ]
    sections += [_to_file(run), _uses(run), _delta(run), _reading(run), _published(run), _facts(run)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _section(title: str, head: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    return f"## {title}\n\n{table(head, lines)}" if lines else ""


def _megabytes(value: int) -> str:
    return f"{value / MEGABYTE:.1f}"


def _to_file(run: Run) -> str:
    lines = []
    for row in (row for row in run.rows if row.work in TO_FILE):
        yardstick = find(run, "sort -u", row.names)
        lines.append(
            (
                row.work,
                f"{row.names:,}",
                f"{row.seconds:.2f}",
                f"{row.cpu:.2f}",
                f"{row.spread:.0%}",
                _ratio(row, yardstick),
                _megabytes(row.peak),
                f"{row.size / row.names:.2f}" if row.size else "–",
            )
        )
    head = ("work", "names", "s", "CPU s", "spread", "/ sort -u", "peak MB", "bytes/name")
    return _section("Text to file", head, lines)


def _ratio(row: Row, other: Row | None) -> str:
    return f"{row.seconds / other.seconds:.2f}" if other else "–"


def _uses(run: Run) -> str:
    lines = [
        (
            row.work,
            f"{row.names:,}",
            f"{row.seconds * 1e3:.3f}",
            f"{row.cpu * 1e3:.3f}",
            f"{row.spread:.0%}",
            _megabytes(row.peak),
            _megabytes(row.anonymous),
        )
        for row in run.rows
        if row.work in USES
    ]
    head = ("work", "names", "ms", "CPU ms", "spread", "peak MB", "own MB above start")
    return _section("Using it", head, lines)


def _delta(run: Run) -> str:
    lines = []
    if run.delta:
        lines = [
            ("names added, removed", f"{run.delta.added:,}, {run.delta.removed:,}"),
            ("entries that differ", f"{run.delta.changes:,}"),
            ("size", f"{run.delta.size:,} bytes"),
            ("per change", f"{run.delta.bytes_per_change:.2f} bytes"),
            ("result", "byte-identical" if run.delta.identical else "**differs**"),
        ]
    return _section("Delta", ("", ""), lines)


def _reading(run: Run) -> str:
    plain = find(run, f"{READ}plain")
    lines = [
        (
            row.work.removeprefix(READ),
            f"{row.seconds:.3f}",
            f"{row.names / row.seconds / 1e6:.2f}",
            f"{row.spread:.0%}",
            _ratio(row, plain),
            _megabytes(row.peak),
        )
        for row in run.rows
        if row.work.startswith(READ)
    ]
    names = f"{plain.names:,}" if plain else ""
    head = ("format", "s", "million names/s", "spread", "/ plain", "peak MB")
    return _section(f"Reading {names} names", head, lines)


def _published(run: Run) -> str:
    lines = [
        (
            each["file"],
            each["format"],
            *(f"{each[key]:,}" for key in ("lines", "names", "blank", "bad", "lost")),
            _refused(each["problem"])
            or ", ".join(f"{count:,} {kind}" for kind, count in sorted(each["skipped"].items())),
        )
        for each in run.published
    ]
    head = ("published list", "format", "lines", "names", "blank, comment", "bad", "lost", "skipped, or why refused")
    return _section("Published lists", head, lines)


def _refused(problem: str) -> str:
    """Why a list was refused, without the line that it shows."""
    return f"refused: {problem.partition(', the first')[0]}" if problem else ""


def _facts(run: Run) -> str:
    return "## Machine and settings\n\n" + table(("", ""), [*run.facts.items(), *run.settings.items()])
