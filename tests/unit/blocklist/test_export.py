"""Exports say what the blocklist says, or say what they leave out."""

import json
import random
from pathlib import Path

import pytest

from safedns import _native
from safedns.blocklist.categories import BY_ID
from safedns.blocklist.compile import Input, Job, Report, compile_lists
from safedns.blocklist.export import FORMATS, Summary, export
from safedns.blocklist.export.rules import BELOW, EXACT, EXCEPTIONS, SUBDOMAINS, TOO_DEEP, TOO_LONG, Rule, rules
from safedns.cli.main import main

GAMBLING, PORN, GOV = (1 << BY_ID[word].number for word in ("gambling", "porn", "gov"))
LISTS, OPERATOR = 0, 1
SUFFIX, ONLY, UNDER = 0, 1, 2


def build(folder: Path, *said: tuple[str, int, bool]) -> _native.Blocklist:
    """A blocklist of the operator's entries: name, scope, whether it is taken out."""
    builder = _native.Builder([(GAMBLING, OPERATOR, False), (GAMBLING, OPERATOR, True)])
    for name, scope, allow in said:
        builder.add(name.encode(), int(allow), scope=scope)
    with (folder / "blocklist").open("wb") as file:
        builder.write(file.fileno(), serial=7)
    return _native.Blocklist.open(str(folder / "blocklist"))


def exported(
    blocklist: _native.Blocklist, name: str, folder: Path, wanted: int = GAMBLING
) -> tuple[list[str], Summary]:
    """The lines behind the first comment, and the summary."""
    path = folder / "export"
    summary = export(blocklist, name, str(path), wanted, lambda _lines: None)
    head, *lines = path.read_text().splitlines()
    assert head.startswith(f"{FORMATS[name].COMMENT} SafeDNS blocklist, serial 7. ")
    assert summary.lines == len(lines)
    return lines, summary


@pytest.fixture
def every_kind(tmp_path: Path) -> _native.Blocklist:
    return build(
        tmp_path,
        ("whole.example", SUFFIX, False),
        ("except.whole.example", SUFFIX, True),
        ("again.except.whole.example", SUFFIX, False),
        ("deep.down.whole.example", ONLY, True),
        ("only.example", ONLY, False),
        ("under.example", UNDER, False),
    )


@pytest.mark.parametrize(
    ("name", "expected", "left_out"),
    [
        (
            "plain",
            ["again.except.whole.example", "whole.example"],
            {EXCEPTIONS: 2, EXACT: 1, BELOW: 1},
        ),
        (
            "hosts",
            ["0.0.0.0 again.except.whole.example", "0.0.0.0 only.example", "0.0.0.0 whole.example"],
            {SUBDOMAINS: 4},
        ),
        (
            "adblock",
            ["@@|deep.down.whole.example^", "@@||except.whole.example^", "|only.example^", "||*.under.example^",
             "||again.except.whole.example^$important", "||whole.example^"],
            {},
        ),
        (
            "dnsmasq",
            ["address=/*.deep.down.whole.example/", "address=/*.under.example/", "address=/again.except.whole.example/",
             "address=/only.example/", "address=/whole.example/", "server=/*.only.example/#",
             "server=/deep.down.whole.example/#", "server=/except.whole.example/#", "server=/under.example/#"],
            {},
        ),
        (
            "unbound",
            ['local-data: "only.example A 0.0.0.0"', 'local-data: "only.example AAAA ::"',
             'local-zone: "again.except.whole.example" always_nxdomain',
             'local-zone: "except.whole.example" always_transparent', 'local-zone: "only.example" transparent',
             'local-zone: "whole.example" always_nxdomain', "server:"],
            {BELOW: 2},
        ),
        (
            "rpz",
            ["$ORIGIN rpz.safedns.invalid.", "$TTL 300", "*.again.except.whole.example CNAME .",
             "*.deep.down.whole.example CNAME .", "*.down.whole.example CNAME .",
             "*.except.whole.example CNAME rpz-passthru.", "*.under.example CNAME .", "*.whole.example CNAME .",
             "@ NS localhost.", "@ SOA localhost. hostmaster.localhost. 7 3600 600 86400 300",
             "again.except.whole.example CNAME .", "deep.down.whole.example CNAME rpz-passthru.",
             "down.whole.example CNAME .", "except.whole.example CNAME rpz-passthru.", "only.example CNAME .",
             "whole.example CNAME ."],
            {},
        ),
    ],
)  # fmt: skip
def test_every_kind_of_entry(
    every_kind: _native.Blocklist, tmp_path: Path, name: str, expected: list[str], left_out: dict[str, int]
) -> None:
    lines, summary = exported(every_kind, name, tmp_path)
    assert sorted(lines) == expected
    assert {kind: count for kind, count in summary.left_out.items() if count} == left_out
    assert summary.rules == 6


def random_entries(generator: random.Random) -> list[tuple[str, int, bool]]:
    names = [".".join(generator.choices("abc", k=generator.randrange(1, 5))) + ".example" for _ in range(60)]
    return [(name, generator.choice((SUFFIX, ONLY, UNDER)), generator.random() < 0.4) for name in names]


@pytest.mark.parametrize("name", ["adblock", "rpz"])
@pytest.mark.parametrize("seed", range(20))
def test_our_own_readers_come_to_the_same_verdicts(tmp_path: Path, name: str, seed: int) -> None:
    generator = random.Random(seed)
    blocklist = build(tmp_path, *random_entries(generator))
    _, summary = exported(blocklist, name, tmp_path)
    job = Job([Input("back", str(tmp_path / "export"), GAMBLING, format=name)])
    compile_lists(job, str(tmp_path / "again"), Report(lambda _path, _count: None, lambda _line: None))
    again = _native.Blocklist.open(str(tmp_path / "again"))
    if summary.left_out.get(TOO_DEEP):
        return
    for _ in range(500):
        question = ".".join(generator.choices("abcd", k=generator.randrange(1, 7))) + ".example"
        assert again.lookup(question)[0] == blocklist.lookup(question)[0], question


def test_adblock_says_so_when_exceptions_are_nested_too_deep(tmp_path: Path) -> None:
    names = ["a.example", "b.a.example", "c.b.a.example", "d.c.b.a.example", "e.d.c.b.a.example"]
    blocklist = build(tmp_path, *((name, SUFFIX, index % 2 == 1) for index, name in enumerate(names)))
    lines, summary = exported(blocklist, "adblock", tmp_path)
    assert lines[-1] == "@@||d.c.b.a.example^$important"
    assert summary.left_out == {TOO_DEEP: 1}


def test_names_that_are_too_long_for_a_zone(tmp_path: Path) -> None:
    long = ".".join(["x" * 60] * 4)
    lines, summary = exported(build(tmp_path, (long, SUFFIX, False), ("a.example", SUFFIX, False)), "rpz", tmp_path)
    assert lines[-2:] == ["a.example CNAME .", "*.a.example CNAME ."]
    assert summary.left_out == {TOO_LONG: 1}


def test_only_what_is_wanted_counts(tmp_path: Path) -> None:
    builder = _native.Builder([(mask, LISTS, False) for mask in (GAMBLING, PORN, GOV, GAMBLING | PORN)])
    for source, name in enumerate(("bet.example", "porn.example", "gov.example", "x.bet.example")):
        builder.add(name.encode(), source)
    with (tmp_path / "blocklist").open("wb") as file:
        builder.write(file.fileno(), serial=7)
    blocklist = _native.Blocklist.open(str(tmp_path / "blocklist"))
    assert exported(blocklist, "plain", tmp_path, GAMBLING)[0] == ["bet.example"]
    assert sorted(exported(blocklist, "plain", tmp_path, PORN)[0]) == ["porn.example", "x.bet.example"]
    assert list(rules(blocklist, GOV)) == [Rule("gov.example", False, True, True)]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_text("||bet.example^\n@@||ok.bet.example^\n")
    file, output = str(tmp_path / "b"), str(tmp_path / "out")
    assert main(["blocklist", "compile", "--output", file, f"gambling={tmp_path / 'list'}"]) == 0
    capsys.readouterr()
    arguments = ["blocklist", "export", file, "--output", output]
    assert main([*arguments, "--format", "plain"]) == 0
    out, error = capsys.readouterr()
    assert out == f"{output}: 2 rules in 1 lines\n"
    assert f"{output}: left out, as plain can't express it: 1 {EXCEPTIONS}" in error
    assert main([*arguments, "--format", "rpz", "--zone", "block.isp.example", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": output, "rules": 2, "lines": 8, "left_out": {}}
    assert "$ORIGIN block.isp.example.\n" in Path(output).read_text()
    assert main([*arguments, "--format", "plain", "--category", "porn"]) == 0
    assert Path(output).read_text().count("\n") == 1
    assert main([*arguments, "--format", "plain", "--category", "pron"]) == 2
    assert "did you mean 'porn'?" in capsys.readouterr().err
