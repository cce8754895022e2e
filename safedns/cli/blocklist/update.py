"""`safedns blocklist update`: fetch the public lists of the catalogue."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeVar

from safedns.cli.blocklist.shared import Progress
from safedns.cli.blocklist.sources import add_places, age, places
from safedns.cli.common import add_json, print_json, print_table
from safedns.config.units import Kind, Mismatch, duration, size

if TYPE_CHECKING:
    import argparse

    from safedns.blocklist.update import Result

T = TypeVar("T")

SUMMARY = "fetch the public lists of the catalogue that are due"

_SIZE: Final = size(1, 2**40)
_TIME: Final = duration(0.001, 86_400)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 all went well, 1 a list could not be fetched, 2 nothing could be tried"
    parser.add_argument("ids", metavar="ID", nargs="*", help="a list, enabled or not; without any all that are enabled")
    add_places(parser)
    parser.add_argument("--force", action="store_true", help="fetch also lists that are not due, and whole")
    parser.add_argument(
        "--accept-shrinkage", action="store_true", help="take lists that lost a large part of their names"
    )
    parser.add_argument("--ca", metavar="FILE", help="certificate authority of a mirror of your own, in PEM format")
    parser.add_argument("--size", type=_size, default="256 MiB", help="largest list (256 MiB)")
    parser.add_argument("--time", type=_time, default="10 min", help="for one list in total (10 min)")
    parser.add_argument("--stall", type=_time, default="30 s", help="without a byte (30 s)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fetch; the result is the exit status."""
    from safedns.blocklist.catalogue import load_catalogue
    from safedns.blocklist.fetch import Limits
    from safedns.blocklist.store import Store
    from safedns.blocklist.update import Outcome, update

    catalogue, store, words = places(arguments)
    limits = Limits(size=arguments.size, total=arguments.time, stall=arguments.stall)
    with Progress() as progress:
        results = update(
            load_catalogue(catalogue).select(arguments.ids or words),
            Store(store),
            limits=limits,
            ca=arguments.ca,
            force=arguments.force,
            accept_shrinkage=arguments.accept_shrinkage,
            progress=progress.show,
        )
    if arguments.json:
        print_json([asdict(result) for result in results])
    else:
        _print(results)
    return 1 if any(result.outcome is Outcome.FAILED for result in results) else 0


def _print(results: list[Result]) -> None:
    if not results:
        print("no list is enabled; give ids, or set enabled in the catalogue")
        return
    now = time.time()
    print_table([("list", "outcome", "names", ""), *(_row(result, now) for result in results)])


def _row(result: Result, now: float) -> tuple[str, str, str, str]:
    names = f"{result.names:,}" if result.names is not None else "-"
    said = f"{result.difference:+,} names" if result.difference else ""
    if result.problem:
        kept = f"the copy of {age(result.checked, now)} ago stays" if result.checked else "there is no copy of it yet"
        said = f"{result.problem} ({kept})"
    return result.id, result.outcome, names, said


def _size(text: str) -> int:
    return _value(_SIZE, text)


def _time(text: str) -> float:
    return _value(_TIME, text)


def _value(kind: Kind[T], text: str) -> T:
    """What a flag says, or what was expected of it."""
    from argparse import ArgumentTypeError

    try:
        return kind.read(text)
    except Mismatch:
        raise ArgumentTypeError(f"expected {kind.expected}, found {text!r}") from None
