"""Entries of a compiled blocklist, and what differs between two: against what look-ups say."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedns._native import Blocklist, Builder
from safedns.blocklist.contents import ALL, HEADER, Difference, Entry, entries, mask_of, search
from safedns.blocklist.formats import Reading, Scope, read
from safedns.errors import BlocklistError

GAMBLING, PORN = mask_of("gambling"), mask_of("porn")
LISTS = [GAMBLING, PORN, GAMBLING | PORN]

Said = tuple[str, int, Scope, bool]
"""A name, the number of the list that says it, what it covers, and whether it is an exception."""

LABELS = st.sampled_from(["a", "b"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
SAID = st.lists(st.tuples(NAMES, st.integers(0, 2), st.sampled_from(Scope), st.booleans()), max_size=12)


def compiled(path: Path, said: Sequence[Said]) -> Blocklist:
    builder = Builder([(mask, 0, False) for mask in LISTS])
    for name, number, scope, allow in said:
        assert builder.add(f"{name}\n".encode(), number, scope=scope, allow=allow) == []
    with path.open("wb") as file:
        builder.write(file.fileno())
    return Blocklist.load(str(path))


def flat(batches: object) -> list[Entry]:
    return [entry for batch in batches for entry in batch]  # type: ignore[attr-defined]


def below(name: str) -> str:
    return f"other.{name}"


def evaluate(found: list[Entry], name: str) -> int:
    """The categories of a name from entries alone: parents come first, and what comes later decides."""
    mask = 0
    for entry in found:
        here = entry.name == name and entry.scope is not Scope.BELOW
        under = name.endswith(f".{entry.name}") and entry.scope is not Scope.EXACT
        if here or under:
            mask = mask | entry.mask if entry.given else mask & ~entry.mask
    return mask


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SAID)
def test_entries_say_what_look_ups_find(said: list[Said], tmp_path: Path) -> None:
    blocklist = compiled(tmp_path / "list", said)
    found = flat(entries(blocklist))
    for name in {name for name, *_ in said}:
        assert evaluate(found, name) == blocklist.lookup(name)[0]
        assert evaluate(found, below(name)) == blocklist.lookup(below(name))[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=SAID, after=SAID)
def test_differences_are_what_look_ups_find(before: list[Said], after: list[Said], tmp_path: Path) -> None:
    old, new = compiled(tmp_path / "old", before), compiled(tmp_path / "new", after)
    difference = Difference()
    changes = flat(difference.walk(old, new))
    for change in changes:
        names = [change.name] * (change.scope is not Scope.BELOW) + [below(change.name)] * (
            change.scope is not Scope.EXACT
        )
        for name in names:
            had, has = old.lookup(name)[0] & change.mask, new.lookup(name)[0] & change.mask
            assert (had, has) == ((0, change.mask) if change.given else (change.mask, 0))
    changed = {change.name for change in changes}
    for name in {name for name, *_ in [*before, *after]} - changed:
        # An entry of which nothing is said changes nothing that its parents don't.
        if not any(name.endswith(f".{parent}") for parent in changed):
            assert old.lookup(name)[0] == new.lookup(name)[0]
    assert difference.added == len({change.name for change in changes if change.given})
    assert difference.removed == len({change.name for change in changes if not change.given})


def test_scopes_and_exceptions_are_entries_of_their_own(tmp_path: Path) -> None:
    blocklist = compiled(
        tmp_path / "list",
        [
            ("bet.example", 0, Scope.SUFFIX, False),
            ("ok.bet.example", 0, Scope.SUFFIX, True),
            ("one.bet.example", 0, Scope.EXACT, True),
            ("exact.example", 0, Scope.EXACT, False),
            ("below.example", 1, Scope.BELOW, False),
            ("both.example", 0, Scope.SUFFIX, False),
            ("both.example", 1, Scope.EXACT, False),
        ],
    )
    assert {tuple(entry.line().split("\t")) for entry in flat(entries(blocklist))} == {
        ("bet.example", "listed", "suffix", "gambling"),
        ("ok.bet.example", "exception", "suffix", "gambling"),
        ("one.bet.example", "exception", "exact", "gambling"),
        ("exact.example", "listed", "exact", "gambling"),
        ("below.example", "listed", "below", "porn"),
        ("both.example", "listed", "suffix", "gambling"),
        ("both.example", "listed", "exact", "porn"),
    }
    assert {entry.name for entry in flat(entries(blocklist, PORN))} == {"below.example", "both.example"}
    under = flat(entries(blocklist, ALL, "bet.example"))
    assert [entry.name for entry in under] == ["bet.example", "ok.bet.example", "one.bet.example"]


def test_a_name_counts_once_in_each_category(tmp_path: Path) -> None:
    old = compiled(
        tmp_path / "old", [("moved.example", 0, Scope.SUFFIX, False), ("narrow.example", 1, Scope.SUFFIX, False)]
    )
    new = compiled(
        tmp_path / "new", [("moved.example", 1, Scope.SUFFIX, False), ("narrow.example", 1, Scope.EXACT, False)]
    )
    difference = Difference()
    found = {(entry.given, entry.name, entry.scope, *entry.categories) for entry in flat(difference.walk(old, new))}
    assert found == {
        (True, "moved.example", Scope.SUFFIX, "porn"),
        (False, "moved.example", Scope.SUFFIX, "gambling"),
        (False, "narrow.example", Scope.BELOW, "porn"),
    }
    assert difference.by_category == {"porn": (1, 1), "gambling": (0, 1)}
    assert (difference.added, difference.removed) == (1, 2)
    assert flat(Difference().walk(old, old)) == []
    only_gambling = Difference(GAMBLING)
    assert [entry.name for entry in flat(only_gambling.walk(old, new))] == ["moved.example"]
    assert only_gambling.by_category == {"gambling": (0, 1)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cher", ["xn--bcher-kva.example"]),
        ("BÜCH", ["xn--bcher-kva.example"]),
        ("bu\u0308ch", ["xn--bcher-kva.example"]),
        ("cược", ["xn--cc-c8s0t.example"]),
        ("Ｂｅｔ", ["bet.example"]),
        ("xn--b", ["xn--bcher-kva.example"]),
        ("r.ex", ["xn--bcher-kva.example"]),
        ("t.EX", ["bet.example"]),
        ("zzz", []),
        ("ä", []),
    ],
)
def test_a_part_of_a_name_is_found_in_any_case_and_script(text: str, found: list[str], tmp_path: Path) -> None:
    names = ["bet.example", "bücher.example".encode("idna").decode(), "cá.example".encode("idna").decode()]
    cuoc = "xn--" + "cược".encode("punycode").decode() + ".example"
    blocklist = compiled(tmp_path / "list", [(name, 0, Scope.SUFFIX, False) for name in [*names, cuoc]])
    expected = [cuoc if name.startswith("xn--cc-") else name for name in found]
    assert [entry.name for entry in flat(search(blocklist, text))] == expected


@pytest.mark.parametrize("text", ["", "\u00ad", "a" * 2000 + "ü", "\ufffd"])
def test_what_no_name_can_hold_is_not_searched_for(text: str, tmp_path: Path) -> None:
    blocklist = compiled(tmp_path / "list", [("a.example", 0, Scope.SUFFIX, False)])
    with pytest.raises(BlocklistError, match="expected a part of a domain name"):
        flat(search(blocklist, text))


def test_more_entries_than_a_batch_holds_are_all_there(tmp_path: Path) -> None:
    said = [(f"n{number}.example", number % 2, Scope.SUFFIX, False) for number in range(10_000)]
    blocklist = compiled(tmp_path / "list", said)
    assert {entry.name for entry in flat(entries(blocklist))} == {name for name, *_ in said}
    assert len(flat(entries(blocklist, PORN))) == 5_000
    assert len(flat(search(blocklist, "n99"))) == 111


@pytest.mark.parametrize("format_and_options", [("plain", {}), ("csv", {"delimiter": "tab"})])
def test_a_dump_reduced_to_names_is_a_list(format_and_options: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    form, options = format_and_options
    names = ["bet.example", "xn--bcher-kva.example"]
    blocklist = compiled(tmp_path / "list", [(name, 0, Scope.SUFFIX, False) for name in names])
    lines = [HEADER, *(entry.line() for entry in flat(entries(blocklist)))]
    if form == "plain":
        lines = [line.partition("\t")[0] for line in lines]
    file = tmp_path / "dump"
    file.write_text("\n".join([*lines, ""]))
    reading = Reading(str(file))
    data = b"".join(part.data for part in read(str(file), reading, format=form, options=options))
    assert sorted(data.decode().split()) == names
    assert reading.bad == 0


def test_an_unknown_category_is_an_error_with_a_hint() -> None:
    with pytest.raises(BlocklistError, match="found 'gamblin'; did you mean 'gambling'"):
        mask_of("gamblin")
    with pytest.raises(BlocklistError, match="safedns blocklist categories"):
        mask_of("qqqq")
