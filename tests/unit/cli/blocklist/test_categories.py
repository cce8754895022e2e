"""The categories and the presets in the terminal."""

import argparse
import json

import pytest

from safedns.blocklist.categories import CATEGORIES
from safedns.cli.blocklist import categories


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    parser = argparse.ArgumentParser()
    categories.configure(parser)
    arguments = parser.parse_args(words)
    assert arguments.run(arguments) == 0
    return capsys.readouterr().out


def test_every_category_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    head, *rows = run(capsys).splitlines()
    assert head.split()[:4] == ["group", "id", "number", "answer"]
    assert [row.split()[1] for row in rows] == [category.id for category in CATEGORIES]
    assert [row.split()[-4:] for row in rows if " gambling " in row] == [["bạc,", "cá", "cược", "Gambling"]]


def test_categories_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    found = {each["id"]: each for each in json.loads(run(capsys, "--json"))}
    assert found["phishing"]["number"] == 4
    assert found["phishing"]["switch"] == "provider"
    assert found["csam"]["authority"] == "law"
    assert found["porn"]["ut1"] == ["adult", "porn"]


def test_presets(capsys: pytest.CaptureFixture[str]) -> None:
    rows = run(capsys, "--presets").splitlines()
    assert [row.split()[0] for row in rows] == ["preset", "0-10", "11-15", "16-17", "adult", "guest"]
    assert rows[4].endswith("illegal, security")
    assert json.loads(run(capsys, "--presets", "--json"))[3]["blocks"] == ["illegal", "security"]
