import json
from pathlib import Path

import pytest

from safedns.cli.main import main


@pytest.fixture
def compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def build(name: str, text: str) -> str:
        source, output = tmp_path / f"{name}.txt", str(tmp_path / f"{name}.bin")
        source.write_text(text)
        assert main(["blocklist", "compile", "--output", output, f"gambling={source}"]) == 0
        capsys.readouterr()
        return output

    return build


def test_what_passes(compiled, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = compiled("old", "a.example\n"), compiled("new", "a.example\nb.example\n")
    assert main(["blocklist", "guard", new, "--old", old]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "PASSED: no protected name, public suffix or popular name would be blocked without an override, and the size "
        "is within its limits.",
        "from 1 to 2 names; newly blocked 1, no longer 0",
        "newly blocked: gambling 1",
        "  b.example  gambling",
    ]


def test_what_is_refused(compiled, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = compiled("new", "bank.example\ngov.vn\nknown.example\n")
    (tmp_path / "protected").write_text("bank.example the bank of the town\n")
    (tmp_path / "top").write_text("1,known.example\n")
    options = ["--protected", str(tmp_path / "protected"), "--popularity", str(tmp_path / "top")]
    assert main(["blocklist", "guard", new, *options]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("REFUSED: it would block gov.vn (a public suffix, so every site below it)")
    assert lines[0].endswith("(and 2 more).")
    assert "  * it would block bank.example (the bank of the town): add bank.example to allow:" in "\n".join(lines)
    assert main(["blocklist", "guard", new, *options, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["names"]) == (False, {"old": None, "new": 3})
    assert [(each["kind"], each["entry"]) for each in found["refusals"]] == [
        ("public suffix", "gov.vn"), ("protected", "bank.example"), ("popular", "known.example")
    ]  # fmt: skip
    assert found["news"][0] == {"name": "known.example", "rank": 1, "categories": ["gambling"]}


def test_what_can_not_be_judged(compiled, capsys: pytest.CaptureFixture[str]) -> None:
    new = compiled("new", "a.example\n")
    assert main(["blocklist", "guard", f"{new}.gone"]) == 2
    assert main(["blocklist", "guard", new, "--protected", f"{new}.gone"]) == 2
    assert "expected a file of protected names" in capsys.readouterr().err
