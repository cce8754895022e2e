"""The build configuration."""

from pathlib import Path

import pytest

from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.blocklist.plan import Plan, load_plan, mask
from safedns.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "blocklists" / "build.yaml"


def write(folder: Path, text: str) -> str:
    (folder / "build.yaml").write_text(text)
    return str(folder / "build.yaml")


def test_the_shipped_one_shows_every_key_with_its_default() -> None:
    plan = load_plan(str(SHIPPED))
    folder = SHIPPED.parent
    assert (plan.catalogue, plan.store) == (str(folder / "catalogue.yaml"), str(folder / "store"))
    assert plan.guard.protected == (str(folder / "protected.txt"),)
    default = Plan()
    assert (plan.sources, plan.lists, plan.block, plan.allow) == (default.sources, (), (), ())
    assert (plan.guard.growth, plan.guard.shrinkage, plan.guard.source) == (0.2, 0.2, 0.5)
    assert (plan.guard.popular, plan.memory) == (default.guard.popular, default.memory)


def test_entries_know_where_they_stand_and_names_are_in_any_script(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "lists:\n  - {id: own, path: own.csv, category: games, format: csv, options: {column: host}}\n"
        "block:\n  - {name: Đánh-Bạc.example, category: gambling, reason: decision}\n"
        "allow:\n  - name: ok.example\n    reason: appeal\n    categories: [gambling]\n    scope: exact\n",
    )
    plan = load_plan(path)
    assert plan.lists[0].path == str(tmp_path / "own.csv")
    assert plan.lists[0].options == {"column": "host"}
    assert (plan.block[0].name, plan.block[0].where) == ("xn--nh-bc-wqa94aj23r.example", f"{path}:4")
    assert (plan.allow[0].scope, plan.allow[0].where) == ("exact", f"{path}:6")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lists: [{id: a, path: b}]", ":1: category: expected the category of the names of a, found nothing"),
        (
            "lists:\n- {id: a, path: b, allow: true}\n- {id: a, path: c, category: games}",
            ":3: id: expected each id once, found a a second time",
        ),
        ("block: [{name: a.example, category: games}]", ":1: block[0].reason: expected a text, found nothing"),
        ("block: [{name: a b, category: games, reason: x}]", ":1: block[0].name: expected a domain name such as"),
        (
            "allow: [{name: a.example, reason: x, scope: all}]",
            ":1: allow[0].scope: expected one of suffix, exact, below",
        ),
        (
            "lists: [{id: a, path: b, category: gamblin}]",
            ":1: lists[0].category: expected a category (safedns blocklist categories lists them) or null, found",
        ),
        ("lists: [{id: a, path: b, category: games, format: xml}]", "expected one of auto, plain, hosts, adblock"),
        ("guard: {growth: 20}", ":1: guard.growth: expected a share from 0 %"),
        ("memory: 1 KiB", ":1: memory: expected a size from 1 MiB"),
        ("catalog: x", ":1: catalog: expected a known key, found 'catalog' (did you mean 'catalogue'?)"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(write(tmp_path, text))
    assert found in str(caught.value)


def test_no_categories_are_all_that_can_be_blocked() -> None:
    assert mask(("games", "porn")) == 1 << BY_ID["games"].number | 1 << BY_ID["porn"].number
    assert mask(()) == sum(1 << category.number for category in CATEGORIES if category.blockable)
