"""Services in the terminal."""

import argparse
import json

import pytest

from safedns.blocklist.services import SERVICES
from safedns.cli.blocklist import services
from safedns.errors import BlocklistError


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    parser = argparse.ArgumentParser()
    services.configure(parser)
    arguments = parser.parse_args(words)
    assert arguments.run(arguments) == 0
    return capsys.readouterr().out


def test_every_service_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    head, *rows = run(capsys).splitlines()
    assert head.split()[:3] == ["id", "category", "names"]
    assert [row.split()[0] for row in rows] == list(SERVICES)


def test_a_service_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "zalo", "instagram").splitlines()
    assert shown[0] == "zalo: Zalo (chat_messengers)"
    assert "  blocks      zaloapp.com" in shown
    assert "  leaves open zalopay.vn: payment" in shown
    assert "  includes    threads" in shown
    assert any("ZaloPay vẫn dùng được" in line for line in shown)


def test_names_are_a_list_to_compile(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(capsys, "--names", "instagram", "threads").splitlines()
    assert names == sorted(set(SERVICES["instagram"].blocked()))


def test_services_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = json.loads(run(capsys, "facebook", "--json"))
    assert found["includes"] == ["messenger"]
    assert "m.me" in found["blocked"]
    assert "m.me" not in found["names"]
    assert "fbcdn.net" in found["shared"]


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(BlocklistError, match="'tictoc'"):
        services.run(argparse.Namespace(ids=["tictoc"], names=False, json=False))
