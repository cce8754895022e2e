"""The tables, as Markdown, and the stored form of a run."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.results import Results, Row, best_peer, floor_row, row, saturated, servers, visits_to
from benchmarks.scenarios import Swap
from benchmarks.targets import MEGABYTE, Finding, judge_run
from benchmarks.workloads import LATENCY_RATE, WORKLOADS

LEGEND = f"""What is unfair about it: benchmarks/README.md.

CPU time is user and system time of all the server's processes per answered query: first under the saturating load, by
which servers are compared, then under dnsperf. Latency is at {LATENCY_RATE:,} queries/s."""

WORKLOAD_HEAD = (
    "server",
    "CPU µs/query",
    "spread",
    "/ floor",
    "/ best peer",
    "queries/s",
    "dnsperf: CPU µs",
    "queries/s",
    "lost",
    "mean ms",
    "p99 ms",
)


def store(results: Results, directory: Path, name: str) -> Path:
    """Write NAME.json and NAME.md; return the path of the table."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(asdict(results), indent=1) + "\n")
    table = directory / f"{name}.md"
    table.write_text(render(results))
    return table


def render(results: Results) -> str:
    """The whole run as Markdown."""
    sections = [_heading(results), findings_table(judge_run(results))]
    sections += [_workload(results, workload) for workload in WORKLOADS if _measured(results, workload)]
    sections += [_servers(results), _lookups(results), _scenarios(results), _facts(results)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _heading(results: Results) -> str:
    skipped = "".join(f"\n\n**Left out:** {line}" for line in results.skipped)
    return f"# Benchmark of {results.facts['commit']}\n\n{LEGEND}{skipped}"


def _measured(results: Results, workload: str) -> bool:
    return any(row(results, server, workload) for server in servers(results))


def findings_table(findings: Sequence[Finding]) -> str:
    """Measured numbers beside what they must reach; nothing without any."""
    if not findings:
        return ""
    lines = [
        (
            each.name,
            f"{amount(each.measured)} {each.unit}",
            f"≤ {each.limit:g} {each.unit}",
            "met" if each.met else "**not met**",
        )
        for each in findings
    ]
    return "## Targets\n\n" + table(("number", "measured", "target", ""), lines)


def amount(value: float) -> str:
    """A number with three digits that count; large ones in full."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _workload(results: Results, workload: str) -> str:
    floor, peer = floor_row(results, workload), best_peer(results, workload, saturated)
    lines = []
    for server in servers(results):
        if found := row(results, server, workload):
            lines.append(
                (
                    server,
                    f"{found.cpu:.2f}",
                    f"{found.spread:.0%}",
                    _ratio(found.cpu, floor),
                    _ratio(found.cpu, peer),
                    f"{found.queries_per_second:,.0f}",
                    f"{found.dnsperf_cpu:.2f}",
                    f"{found.dnsperf_queries_per_second:,.0f}",
                    f"{found.lost}" + (f" + {found.failed} failed" if found.failed else ""),
                    f"{found.mean_latency * 1e3:.3f}",
                    f"{found.p99_latency * 1e3:.3f}",
                )
            )
    return f"## Workload: {workload}\n\n{table(WORKLOAD_HEAD, lines)}"


def _ratio(value: float, reference: Row | None) -> str:
    return f"{value / reference.cpu:.2f}" if reference else "–"


def _servers(results: Results) -> str:
    lines = []
    for server in servers(results):
        visits = visits_to(results, server)
        pss, worker = (median(getattr(visit, field) for visit in visits) for field in ("pss", "worker_pss"))
        first = median(visit.first_answer for visit in visits)
        lines.append((server, f"{pss / MEGABYTE:.1f}", f"{worker / MEGABYTE:.1f}", f"{first:.2f}"))
    if not lines:
        return ""
    return "## Memory and start\n\n" + table(
        ("server", "PSS MB, all processes", "of the worker", "first answer s"), lines
    )


def _lookups(results: Results) -> str:
    lines = [
        (
            f"{found.names:,}",
            f"{found.size / found.names:.2f}",
            f"{found.listed_nanoseconds:.0f}",
            f"{found.unlisted_nanoseconds:.0f}",
            f"{found.compile_seconds:.2f}",
            f"{found.compile_peak / MEGABYTE:.0f}",
        )
        for found in results.lookups
    ]
    if not lines:
        return ""
    head = ("names", "bytes/name", "listed ns", "not listed ns", "compile s", "compile peak MB")
    return "## Look-up\n\n" + table(head, lines)


def _scenarios(results: Results) -> str:
    lines = list(_swap(results.swap)) if results.swap else []
    if results.kill:
        lines.append(("kill: queries/s", f"{results.kill.rate:,.0f}"))
        lines += [("kill: lost", f"{results.kill.lost}"), ("kill: next answer", f"{results.kill.silence * 1e3:.1f} ms")]
    return "## Scenarios\n\n" + table(("", ""), lines) if lines else ""


def _swap(swap: Swap) -> Iterator[tuple[str, str]]:
    yield "swap: queries/s", f"{swap.rate:,.0f}"
    yield "swap: lost", f"{swap.lost}"
    yield "swap: in use after", f"{swap.pick_up:.2f} s"
    yield "swap: p99 before, during", f"{swap.p99_before * 1e3:.3f}, {swap.p99_during * 1e3:.3f} ms"
    yield (
        "swap: highest p99 of any 0.1 s before, during",
        f"{swap.worst_p99_before * 1e3:.3f}, {swap.worst_p99_during * 1e3:.3f} ms",
    )
    yield "swap: PSS before, peak", f"{swap.pss_before / MEGABYTE:.1f}, {swap.pss_peak / MEGABYTE:.1f} MB"
    yield "swap: shared memory files grew by at most", f"{swap.shared_growth / MEGABYTE:.1f} MB"


def _facts(results: Results) -> str:
    return "## Machine and settings\n\n" + table(("", ""), [*results.facts.items(), *results.settings.items()])


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns; all but the first to the right."""
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in (head, ruler, *lines)
    )
