"""`safedns blocklist sources`: the public lists of the catalogue, with their licences and what is here of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from safedns.cli.common import add_json, print_json, print_table

if TYPE_CHECKING:
    import argparse

    from safedns.blocklist.catalogue import Source
    from safedns.blocklist.store import State

SUMMARY = "list the public lists of the catalogue with licence and age"

_CATALOGUE: Final = "blocklists/catalogue.yaml"
_STORE: Final = "blocklists/store"
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_places(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List; the result is the exit status."""
    from safedns.blocklist.catalogue import load_catalogue
    from safedns.blocklist.store import Store

    catalogue, folder, _ = places(arguments)
    store = Store(folder)
    sources = sorted(load_catalogue(catalogue).sources, key=lambda source: (source.category, source.id))
    rows = [(source, store.state(source.id)) for source in sources]
    now = time.time()
    if arguments.json:
        print_json([_plain(source, state, now) for source, state in rows])
        return 0
    head = ("id", "category", "licence", "format", "enabled", "names", "age", "size", "note")
    print_table([head, *(_row(source, state, now) for source, state in rows)])
    return 0


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where the catalogue and the store are."""
    parser.add_argument(
        "--config", metavar="FILE", help="build configuration, which says where catalogue and store are"
    )
    parser.add_argument("--catalogue", metavar="FILE", help=f"catalogue of public lists ({_CATALOGUE})")
    parser.add_argument("--store", metavar="DIR", help=f"folder of last good copies ({_STORE})")


def places(arguments: argparse.Namespace) -> tuple[str, str, tuple[str, ...]]:
    """The catalogue, the store, and the words for the sources that are wanted.

    Raises:
        ConfigError: the build configuration is wrong.
    """
    from safedns.blocklist.catalogue import ENABLED

    catalogue, store = _CATALOGUE, _STORE
    words: tuple[str, ...] = (ENABLED,)
    if arguments.config is not None:
        from safedns.blocklist.plan import load_plan

        plan = load_plan(arguments.config)
        catalogue, store, words = plan.catalogue or _CATALOGUE, plan.store, plan.sources
    return arguments.catalogue or catalogue, arguments.store or store, words


def age(since: float, now: float) -> str:
    """How long ago, in one unit."""
    passed = max(now - since, 0)
    return next((f"{int(passed // seconds)} {unit}" for seconds, unit in _UNITS if passed >= seconds), "0 min")


def _row(source: Source, state: State | None, now: float) -> tuple[str, ...]:
    return (
        source.id,
        source.category,
        source.licence,
        source.format,
        "yes" if source.enabled else "no",
        f"{state.names:,}" if state else "-",
        age(state.checked, now) if state else "-",
        f"{state.size:,}" if state else "-",
        source.note,
    )


def _plain(source: Source, state: State | None, now: float) -> dict[str, object]:
    return {
        "id": source.id,
        "category": source.category,
        "licence": source.licence,
        "format": source.format,
        "url": source.url,
        "homepage": source.homepage,
        "enabled": source.enabled,
        "expected": source.expected,
        "names": state.names if state else None,
        "age_seconds": max(int(now) - state.checked, 0) if state else None,
        "size": state.size if state else None,
        "note": source.note,
    }
