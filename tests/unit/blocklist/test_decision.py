"""Which line decides: the same as the builder says, whatever lists and operator say."""

import json
import random
from pathlib import Path

import pytest

from safedns import _native
from safedns.blocklist.compile import Input, Job, Report, Said, compile_lists
from safedns.blocklist.formats.entry import Scope
from safedns.blocklist.origin import Explanation, Origin, explain

GAMBLING, MALWARE, PORN = 1 << 23, 1 << 8, 1 << 16
NAMES = ["a.x", "b.a.x", "c.b.a.x", "d.c.b.a.x", "z.x"]
ADBLOCK = ("||{}^", "@@||{}^", "|{}^")
SILENT = Report(lambda _path, _count: None, lambda _line: None)


def weighed(folder: Path, generator: random.Random) -> Path:
    """Lists that contradict each other and themselves, and an operator who contradicts them."""
    inputs = []
    for number in range(4):
        path = folder / f"list{number}.txt"
        lines = [generator.choice(ADBLOCK).format(name) for name in generator.choices(NAMES, k=4)]
        path.write_text("\n".join(["||elsewhere.example^", *lines]) + "\n")
        mask = generator.choice([GAMBLING, MALWARE, GAMBLING | PORN])
        inputs.append(Input(f"list{number}", str(path), mask, allow=number == 3, format="adblock"))
    said = [
        Said(
            generator.choice(NAMES),
            generator.choice([GAMBLING, PORN | MALWARE]),
            generator.random() < 0.5,
            int(generator.choice(list(Scope))),
            "reason",
            f"build.yaml:{line}",
        )
        for line in range(1, generator.randrange(1, 4))
    ]
    output = folder / "out.sdns"
    compile_lists(Job(inputs, said, origins=True), str(output), SILENT)
    return output


@pytest.mark.parametrize("seed", range(40))
def test_it_is_what_the_builder_decided(tmp_path: Path, seed: int) -> None:
    """`explain` raises when the lines, weighed one by one, lead to other categories than the compiled blocklist has."""
    output = weighed(tmp_path, random.Random(seed))
    for name in [*NAMES, "below.d.c.b.a.x", "x"]:
        found = explain(str(output), name)
        assert found.categories == explain(str(output), name.upper() + ".").categories
        for origin in found.origins:
            assert set(origin.overruled) <= set(origin.categories)
            # Who puts a name into a category and is not overruled has put it there.
            if origin.applies and not origin.allow:
                assert set(origin.categories) - set(origin.overruled) <= set(found.categories)


def test_contradictions_come_up(tmp_path: Path) -> None:
    """The test above would say nothing if the lists agreed."""
    rules = set()
    for seed in range(40):
        output = weighed(tmp_path, random.Random(seed))
        for name in NAMES:
            rules |= {origin.by.partition("): ")[2] for origin in explain(str(output), name).origins}
    assert len(rules) == 5, rules


def explained(folder: Path, name: str, *lists: str, allow: tuple[int, ...] = ()) -> Explanation:
    inputs = []
    for number, text in enumerate(lists):
        (folder / f"{number}.txt").write_text(text)
        inputs.append(Input(str(number), str(folder / f"{number}.txt"), GAMBLING, allow=number in allow))
    compile_lists(Job(inputs, origins=True), str(folder / "out"), SILENT)
    return explain(str(folder / "out"), name)


def losers(found: Explanation) -> list[Origin]:
    return [origin for origin in found.origins if origin.overruled]


def test_a_more_specific_line_puts_back_what_a_list_took_out(tmp_path: Path) -> None:
    found = explained(tmp_path, "www.open.example", "open.example\nwww.open.example\n", "open.example\n", allow=(1,))
    assert found.categories == ("gambling",)
    (loser,) = losers(found)
    assert (loser.source, loser.by) == ("1", f"0 ({tmp_path}/0.txt:2): the more specific entry is stronger")


def test_an_entry_of_another_scope_says_nothing_of_the_name(tmp_path: Path) -> None:
    found = explained(tmp_path, "open.example", "||*.open.example^\n")
    assert (found.categories, [each.applies for each in found.origins]) == ((), [False])
    assert losers(found) == []
    assert explain(str(tmp_path / "out"), "www.open.example").categories == ("gambling",)


def test_for_programs_all_of_it_is_json(tmp_path: Path) -> None:
    found = explained(tmp_path, "open.example", "open.example\n", "open.example\n", allow=(1,))
    plain = json.loads(json.dumps(found.plain()))
    assert {each["source"]: each["overruled"] for each in plain["origins"]} == {"0": ["gambling"], "1": []}
    assert _native.Blocklist.open(str(tmp_path / "out")).lookup("open.example") == (0, None)
