import json
from pathlib import Path

import pytest

from safedns.cli.main import main


@pytest.fixture
def blocklist(tmp_path: Path) -> str:
    (tmp_path / "gambling.txt").write_text("casino.example\n")
    (tmp_path / "porn.txt").write_text("casino.example\n")
    sources = [f"{word}={tmp_path / word}.txt" for word in ("gambling", "porn")]
    output = str(tmp_path / "b.bin")
    assert main(["blocklist", "compile", "--serial", "3", "--output", output, *sources]) == 0
    return output


def explain(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    capsys.readouterr()
    assert main(["explain", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_blocked_name(blocklist: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(capsys, "WWW.Casino.example.", "--blocklist", blocklist) == {
        "name": "www.casino.example",
        "verdict": "block",
        "rule": "category",
        "entry": "casino.example",
        "category": "porn",
        "authority": "household",
        "categories": ["porn", "gambling"],
        "answer": "the block page's address, for 10 s; error 17 Filtered, 'Blocked by SafeDNS: pornography'",
        "mode": "sinkhole",
        "extended_error": 17,
        "list": blocklist,
        "serial": 3,
    }


def test_the_configuration_counts(blocklist: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "safedns.yaml"
    path.write_text("blocklist: {file: b.bin}\nblock: [money]\nanswer: {modes: {money: nxdomain}, ttl: 1 min}\n")
    found = explain(capsys, "casino.example", "--config", str(path))
    assert (found["category"], found["mode"]) == ("gambling", "nxdomain")
    assert found["answer"] == "no such name (NXDOMAIN), for 60 s; error 17 Filtered, 'Blocked by SafeDNS: gambling'"


@pytest.mark.parametrize(
    ("name", "verdict", "rule", "entry"),
    [
        ("example.com", "allow", "default", None),
        ("www.vn-cop.vn", "allow", "protected", "vn-cop.vn"),
        ("a.localhost", "answer", "special", "localhost"),
        ("4.3.2.10.in-addr.arpa", "answer", "special", "10.in-addr.arpa"),
        ("bücher.example", "allow", "default", None),
    ],
)
def test_other_names(
    blocklist: str, capsys: pytest.CaptureFixture[str], name: str, verdict: str, rule: str, entry: str | None
) -> None:
    found = explain(capsys, name, "--blocklist", blocklist)
    assert (found["verdict"], found["rule"], found["entry"]) == (verdict, rule, entry)
    assert found["category"] is None
    assert str(found["name"]).isascii()


def test_the_same_for_people(blocklist: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["explain", "www.casino.example", "--blocklist", blocklist]) == 0
    assert capsys.readouterr().out == (
        "www.casino.example: blocked\n"
        "  rule       category\n"
        "  entry      casino.example\n"
        "  category   porn (Pornography; Khiêu dâm)\n"
        "  authority  household\n"
        "  is in      porn, gambling\n"
        "  answer     the block page's address, for 10 s; error 17 Filtered, 'Blocked by SafeDNS: pornography'\n"
        f"  blocklist  {blocklist} (serial 3)\n"
    )


def test_without_a_blocklist_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "casino.example"]) == 0
    assert "  blocklist  none: nothing is filtered\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a b", "a..b", "ü..b", "a" * 300])
def test_what_is_no_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == 2
    found = capsys.readouterr().err
    assert found.startswith("safedns: ")
    assert found.count("\n") == 1
