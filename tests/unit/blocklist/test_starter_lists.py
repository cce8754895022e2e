from pathlib import Path

import pytest

from safedns import _native
from safedns.blocklist.categories import BY_ID
from safedns.blocklist.compile import Input, Job, Report, compile_lists
from safedns.blocklist.protected import built_in, merge, read_protected

FOLDER = Path(__file__).parents[3] / "blocklists"
PROTECTED = merge(built_in(), read_protected(str(FOLDER / "protected.txt")))
LISTS = sorted(path for path in FOLDER.glob("*.txt") if path.name != "protected.txt")


def names(path: Path) -> list[str]:
    return [line.split()[0] for line in path.read_text().splitlines() if line and not line.startswith("#")]


def compile_all(tmp_path: Path) -> _native.Blocklist:
    bad: list[str] = []
    output = str(tmp_path / "starter.bin")
    report = Report(lambda _path, _count: None, bad.append)
    compile_lists(Job([Input(path.stem, str(path), 1 << BY_ID[path.stem].number) for path in LISTS]), output, report)
    assert bad == []
    return _native.Blocklist.load(output)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_list_is_sorted_and_has_a_name_to_try_it_with(path: Path) -> None:
    first, *rest = names(path)
    assert first.endswith(".safedns.example")
    assert rest == sorted(set(rest))
    assert all(not name.startswith("www.") for name in rest)


def test_no_list_blocks_a_protected_name(tmp_path: Path) -> None:
    blocklist = compile_all(tmp_path)
    for each in PROTECTED:
        mask, _ = blocklist.lookup(each.name)
        blocked = [word for word, category in BY_ID.items() if mask >> category.number & 1 and category.blockable]
        assert not blocked, each


def test_no_list_blocks_what_is_below_a_protected_name() -> None:
    protected = {each.name for each in PROTECTED if each.below}
    for path in LISTS:
        if BY_ID[path.stem].blockable:
            for name in names(path):
                labels = name.split(".")
                assert not protected & {".".join(labels[start:]) for start in range(len(labels))}, name
