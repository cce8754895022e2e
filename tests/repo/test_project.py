"""What the project says of itself holds."""

import ast
import mmap
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from safedns import _native
from safedns.telemetry.metrics import ListFacts, Metrics

ROOT = Path(__file__).parents[2]


def tracked(*patterns):
    """Files under version control."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", *patterns], capture_output=True, text=True, timeout=20, check=False
    )
    if listed.returncode:
        pytest.skip("not a git repository")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_files():
    for file in tracked():
        content = file.read_bytes()
        if b"\0" not in content:
            yield file, content.decode(errors="replace")


def test_the_stub_covers_the_module():
    stub = ast.parse((ROOT / "safedns/_native.pyi").read_text())
    told: dict[str, set[str]] = {"": set()}
    for node in stub.body:
        if isinstance(node, ast.ClassDef):
            told[node.name] = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            told[""].add(node.name)
        elif isinstance(node, ast.FunctionDef):
            told[""].add(node.name)
        elif isinstance(node, ast.AnnAssign):
            told[""].add(node.target.id)

    def public(thing):
        return {name for name in vars(thing) if not name.startswith("_")}

    assert public(_native) == told[""]
    for name, members in told.items():
        if name:
            assert public(getattr(_native, name)) == {member for member in members if not member.startswith("_")}, name


def test_every_version_is_the_same():
    versions = {
        "pyproject.toml": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
        "native/Cargo.toml": tomllib.loads((ROOT / "native/Cargo.toml").read_text())["workspace"]["package"]["version"],
        "CHANGELOG.md": re.search(
            r"^(?:## \[?|Will be )(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
        )[1],
    }
    assert len(set(versions.values())) == 1, versions


def test_commands_of_the_readme_are_targets_of_make():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert set(re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.MULTILINE)) <= targets


def test_every_target_that_is_for_people_is_listed_by_make_help():
    listed = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, timeout=20, check=True).stdout
    for target in ("run", "test", "bench", "build", "lint", "clean"):
        assert re.search(rf"^make {target}\b", listed, re.MULTILINE), target


def test_no_path_of_one_machine_is_in_the_project():
    here = re.compile("|".join(map(re.escape, (f"{ROOT}/", f"{ROOT.parent}/shared", f"{Path.home()}/"))))
    elsewhere = re.compile(r"(?<![\w.$}>~-])/(?:home|Users)/[a-z]\w*|(?<![\w.])[A-Z]:\\Users")
    for file, text in text_files():
        for number, line in enumerate(text.splitlines(), 1):
            assert not here.search(line), f"{file.relative_to(ROOT)}:{number}"
            assert not elsewhere.search(line), f"{file.relative_to(ROOT)}:{number}"


def test_no_tracked_file_is_built_or_huge():
    for file in tracked():
        assert file.suffix not in (".so", ".pyc", ".whl", ".o"), file
        assert file.stat().st_size < 1_000_000, file


@pytest.fixture(scope="module")
def families():
    """All metrics, as Prometheus reads them."""
    counters = mmap.mmap(-1, _native.COUNTERS * 8)
    # A category that no list has yet shows only when it counts.
    counters.write(b"\1\0\0\0\0\0\0\0" * _native.COUNTERS)
    metrics = Metrics(counters)
    metrics.list = ListFacts(1, 2, 3, 4.0)
    return list(text_string_to_metric_families(metrics.render().decode()))


def test_metrics_are_named_as_prometheus_wants_it(families):
    """https://prometheus.io/docs/practices/naming/."""
    for family in families:
        assert re.fullmatch(r"safedns(_[a-z0-9]+)+", family.name), family.name
        assert not re.search(r"_(count|sum|bucket|info_total)$", family.name), family.name
        assert not re.search(r"_(ms|us|ns|milliseconds|microseconds|minutes|hours|kb|mb|percent)(_|$)", family.name)
        assert family.documentation.endswith(".") or family.name.startswith("safedns_web_"), family.name
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total"), sample.name
            if family.type == "histogram":
                assert family.name.endswith("_seconds")


def test_no_metric_comes_twice(families):
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    samples = [(sample.name, *sorted(sample.labels.items())) for family in families for sample in family.samples]
    assert len(samples) == len(set(samples))


def test_labels_of_metrics_are_few_and_bounded(families):
    for family in families:
        assert len(family.samples) < 100, f"{family.name}: more series than a router's Prometheus should keep"
        for sample in family.samples:
            assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in sample.labels), sample
