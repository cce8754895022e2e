"""Sections of any model: required keys, lists of sections, and the place that a section stood in."""

from dataclasses import dataclass

import pytest

from safedns.config.build import build_section, place
from safedns.config.load import parse
from safedns.config.model import key, required
from safedns.config.units import FLAG, NAME, WHERE, WORD, Mismatch, SectionsOf, number, share
from safedns.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    name: str = required(NAME)
    reason: str = required(WORD)
    flag: bool = key(False, FLAG)
    where: str = required(WHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    items: tuple[Item, ...] = key((), SectionsOf(Item, most=3))
    growth: float = key(0.5, share(200))
    count: int = required(number(1, 9))


def problems(plain):
    with pytest.raises(ConfigError) as caught:
        build_section(Model, place(plain, "f"))
    return str(caught.value).splitlines()


def test_sections_know_their_lines(tmp_path):
    file = tmp_path / "f.yaml"
    file.write_text(
        "count: 2\ngrowth: 20 %\nitems:\n  - {name: A.example, reason: a}\n"
        "  - name: b.example\n    reason: b\n    flag: true\n"
    )
    root, wrong = parse(str(file))
    model = build_section(Model, root, wrong)
    assert model == Model(
        count=2,
        growth=0.2,
        items=(
            Item(name="a.example", reason="a", where=f"{file}:4"),
            Item(name="b.example", reason="b", flag=True, where=f"{file}:5"),
        ),
    )


def test_every_problem_is_named_once():
    assert problems({"items": [{"name": "a..b"}, "text", {"name": "a.example", "reason": "r", "where": "x"}]}) == [
        "f: count: expected a whole number from 1 to 9, found nothing",
        "f: items[0].reason: expected a text, found nothing",
        "f: items[0].name: expected a domain name in ASCII form such as 'example.com', found 'a..b'",
        "f: items[1]: expected keys and values, found 'text'",
        "f: items[2].where: expected a known key, found 'where' (keys: name, reason, flag)",
    ]


@pytest.mark.parametrize(
    ("items", "found"), [("text", "found 'text'"), ([{}] * 4, "found a list (it has 4)"), ({}, "found keys and values")]
)
def test_what_is_no_list_of_sections(items, found):
    (problem,) = problems({"count": 1, "items": items})
    assert problem.startswith("f: items: expected a list of at most 3 items, ")
    assert problem.endswith(found)


def test_a_list_of_sections_with_every_item_commented_out():
    assert build_section(Model, place({"count": 1, "items": None}, "f")).items == ()


@pytest.mark.parametrize(("text", "value"), [("20 %", 0.2), ("0%", 0), ("200 %", 2), ("0.5 %", 0.005)])
def test_shares(text, value):
    kind = share(200)
    assert kind.read(text) == value
    assert kind.read(kind.write(value)) == value


@pytest.mark.parametrize("data", ["20", "-1 %", "201 %", 20, "%", "1e2 %", None])
def test_what_is_no_share(data):
    with pytest.raises(Mismatch):
        share(200).read(data)


@pytest.mark.parametrize("data", ["true", 1, None])
def test_what_is_no_flag(data):
    with pytest.raises(Mismatch):
        FLAG.read(data)
