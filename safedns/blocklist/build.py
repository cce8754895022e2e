"""A build configuration to one guarded blocklist."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from safedns.blocklist import guard
from safedns.blocklist.catalogue import load_catalogue
from safedns.blocklist.compile import Input, Job, Said, compile_lists
from safedns.blocklist.output import replacing
from safedns.blocklist.plan import SCOPES, mask
from safedns.blocklist.protected import merge, read_protected
from safedns.blocklist.store import Store
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from safedns._native import Blocklist
    from safedns.blocklist.catalogue import Source
    from safedns.blocklist.compile import Report, Summary
    from safedns.blocklist.guard_verdict import Verdict
    from safedns.blocklist.plan import Plan


class RefusedError(BlocklistError):
    """The guard did not let a blocklist pass; the one in place stays."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("\n".join(each.sentence for each in verdict.refusals))
        self.verdict = verdict


def build(
    plan: Plan, output: str, report: Report, *, serial: int | None = None, bulk: bool = False
) -> tuple[Summary, Verdict]:
    """Build, guard and publish; beside the blocklist stand its origins and the report of the build.

    Args:
        plan: what goes in.
        output: where the blocklist goes.
        report: what to tell meanwhile.
        serial: version of the result; one more than that of the blocklist in place if None.
        bulk: let it grow or shrink beyond the limits.

    Raises:
        RefusedError: the guard did not let it pass.
        BlocklistError: a list can't be used, or the file can't be written; what was there before is untouched.
    """
    # It is taken up to the end, and first: a second build of the same blocklist is told so before it does anything.
    with replacing(_report_path(output)) as file:
        old = _present(output)
        verdicts: list[Verdict] = []

        def check(new: Blocklist, summary: Summary) -> None:
            verdict = guard.check(new, old, _rules(plan, summary, _report_path(output), bulk=bulk))
            if not verdict.passed:
                raise RefusedError(verdict)
            # Written before anything takes its place: a disk that is full changes nothing.
            file.write(json.dumps(asdict(summary) | {"guard": verdict.plain()}, ensure_ascii=False).encode() + b"\n")
            file.flush()
            verdicts.append(verdict)

        summary = compile_lists(job(plan, _serial(serial, old)), output, report, check)
    return summary, verdicts[0]


def _present(output: str) -> Blocklist | None:
    """The blocklist in place.

    Raises:
        BlocklistError: what is there is none; it is not written over.
    """
    from safedns import _native

    if not Path(output).exists():
        return None
    try:
        return _native.Blocklist.load(output)
    except BlocklistError as error:
        raise BlocklistError(
            f"{error}; put the last good one back, or remove it to build without limits on growth"
        ) from None


def _serial(wanted: int | None, old: Blocklist | None) -> int:
    """The version of the result.

    Raises:
        BlocklistError: the one that is wanted is none that resolvers and deltas could tell from the one in place.
    """
    last = old.serial if old else 0
    if wanted is not None and wanted <= last:
        raise BlocklistError(
            f"--serial: expected more than {last}, the serial of the blocklist in place, found {wanted}; "
            "serials only grow"
        )
    return wanted or last + 1


def _report_path(output: str) -> Path:
    return Path(f"{output}.report.json")


def _rules(plan: Plan, summary: Summary, last: Path, *, bulk: bool) -> guard.Rules:
    return guard.Rules(
        protected=merge(*map(read_protected, plan.guard.protected)),
        growth=plan.guard.growth,
        shrinkage=plan.guard.shrinkage,
        source=plan.guard.source,
        bulk=bulk,
        overrides=tuple(guard.Override(each.name, each.reason) for each in plan.guard.overrides),
        popularity=plan.guard.popularity,
        popular=plan.guard.popular,
        sources=tuple(_source_changes(summary, last)),
    )


def _source_changes(summary: Summary, last: Path) -> list[guard.SourceChange]:
    """How many names each list gave in the last build and gives now; a new list has no change that could be judged."""
    try:
        report = json.loads(last.read_text(encoding="utf-8"))
        before = {each["id"]: int(each["names"]) for each in report["inputs"]}
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BlocklistError(
            f"{last}: expected the report of the last build, found: {error}; "
            "remove it to build without limits on sources"
        ) from None
    return [guard.SourceChange(each.id, before[each.id], each.names) for each in summary.inputs if each.id in before]


def job(plan: Plan, serial: int) -> Job:
    """What to compile: the catalogue's sources, then the operator's own lists, then the operator's entries.

    Raises:
        BlocklistError: a source is not in the catalogue, or was never fetched, or two go by the same id.
    """
    own = [
        Input(
            id=each.id,
            path=each.path,
            categories=mask((each.category,) if each.category else ()),
            allow=each.allow,
            format=each.format,
            options=each.options,
            licence=each.licence,
        )
        for each in plan.lists
    ]
    public = _catalogue(plan)
    same = {each.id for each in public} & {each.id for each in own}
    if same:
        raise BlocklistError(
            f"lists: expected ids that no source of the catalogue has, found {', '.join(sorted(same))}; give another id"
        )
    return Job(inputs=[*public, *own], said=_said(plan), serial=serial, memory=plan.memory, origins=True)


def _catalogue(plan: Plan) -> list[Input]:
    if plan.catalogue is None:
        return []
    store = Store(plan.store)
    return [_fetched(source, store.file(source.id)) for source in load_catalogue(plan.catalogue).select(plan.sources)]


def _fetched(source: Source, path: Path) -> Input:
    if not path.exists():
        raise BlocklistError(
            f"{source.id}: expected its list in {path}, found none; run safedns blocklist update first"
        )
    return Input(
        id=source.id,
        path=str(path),
        categories=mask((source.category,)),
        format=source.format,
        options=source.options,
        licence=source.licence,
    )


def _said(plan: Plan) -> list[Said]:
    scopes = {word: number for number, word in enumerate(SCOPES)}
    blocked = [
        Said(each.name, mask((each.category,)), False, scopes[each.scope], each.reason, each.where)
        for each in plan.block
    ]
    allowed = [
        Said(each.name, mask(each.categories), True, scopes[each.scope], each.reason, each.where) for each in plan.allow
    ]
    return blocked + allowed
