"""`python -m benchmarks.fleet`: what a coordinator and its routers cost; prints the tables, stores the run."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.__main__ import DATA_VARIABLE, REFERENCE_DATA, ROOT
from benchmarks.fleet import kills, model, parts
from benchmarks.fleet.parts import Found
from benchmarks.names import load_lists
from benchmarks.report import findings_table, table
from benchmarks.tools import machine_facts

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG = """examples:
  python -m benchmarks.fleet                       everything but the kills, stored under benchmarks/runs/
  python -m benchmarks.fleet --only idle,polls     some parts, printed only
  python -m benchmarks.fleet --only kills          1,000 syncs killed at system calls: ten minutes and more
"""


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fleet", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="parts: releases, idle, polls, emergency, crowded, kills")
    parser.add_argument("--names", type=int, default=1_000_000, help="names of the large list (default 1,000,000)")
    parser.add_argument("--kills", type=int, default=kills.KILLS, help=f"how many (default {kills.KILLS:,})")
    arguments = parser.parse_args()
    found_data = Path(os.environ.get(DATA_VARIABLE, REFERENCE_DATA))
    data = found_data if found_data.is_dir() else None
    if data is None:
        print("no reference lists found: names are generated", file=sys.stderr)
    lists = load_lists(data, arguments.names)
    all_parts: dict[str, Callable[[], Found]] = {
        "releases": lambda: parts.releases(lists.blocked, parts.temporary()),
        "idle": lambda: parts.idle(parts.temporary()),
        "polls": lambda: parts.polls(parts.temporary()),
        "emergency": lambda: parts.emergency(parts.temporary(), 0),
        "crowded": lambda: parts.emergency(parts.temporary(), parts.WHOLE_CLIENTS),
        "kills": lambda: kills.run(parts.temporary(), arguments.kills),
    }
    wanted = arguments.only.split(",") if arguments.only else [name for name in all_parts if name != "kills"]
    facts = machine_facts(ROOT) | {"names": lists.source}
    found: dict[str, Found] = {}
    for name in wanted:
        started = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        found[name] = all_parts[name]()
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    text = render(found, facts)
    print(text)
    if not arguments.only or wanted == ["kills"]:
        suffix = "kills" if arguments.only else "fleet"
        path = ROOT / "benchmarks" / "runs" / f"{datetime.now(UTC):%Y-%m-%d}-{facts['commit']}-{suffix}"
        path.with_suffix(".md").write_text(text)
        plain = {"facts": facts, "parts": {name: asdict(each) for name, each in found.items()}}
        path.with_suffix(".json").write_text(json.dumps(plain, indent=1) + "\n")
    return 0


def render(found: dict[str, Found], facts: dict[str, str]) -> str:
    """The run as Markdown."""
    findings = [each for part in found.values() for each in part.findings]
    sections = [f"# Coordinator and fleet of {facts['commit']}", findings_table(findings)]
    for name, part in found.items():
        if part.rows:
            sections.append(f"## {name.capitalize()}\n\n{table(('', ''), part.rows)}")
    sections += _model(found)
    sections.append("## Machine and settings\n\n" + table(("", ""), list(facts.items())))
    return "\n\n".join(sections) + "\n"


def _model(found: dict[str, Found]) -> list[str]:
    if not {"releases", "idle", "polls", "emergency"} <= set(found):
        return []
    costs = model.Costs(
        request_cpu=found["polls"].figures["poll_cpu"],
        push_cpu=found["emergency"].figures["push_cpu"],
        connection_bytes=found["idle"].figures["connection_bytes"],
        pack_bytes=found["releases"].figures["pack"],
    )
    small, large = model.rows(costs, 1_000_000), model.rows(costs, 10_000_000)
    lines = [(what, one, ten) for (what, one), (_, ten) in zip(small, large, strict=True)]
    assumed = "\n".join(f"* {text}" for text in model.ASSUMPTIONS)
    head = "## Model\n\nWhat was measured, carried to more routers. It assumes that\n\n"
    return [f"{head}{assumed}\n\n{table(('', '1 million routers', '10 million routers'), lines)}"]


if __name__ == "__main__":
    sys.exit(main())
