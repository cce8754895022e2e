"""Tables that are made of YAML are what the YAML says, and a mistake in it is refused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from safedns.config import categories_table

ROOT = Path(__file__).parents[2]
SOURCES = ("blocklists/categories.yaml", "blocklists/services.yaml")
MADE = (
    "safedns/config/categories_table.py",
    "safedns/blocklist/presets_table.py",
    "safedns/blocklist/services_table.py",
    "docs/reference/categories.md",
    "docs/reference/services.md",
)


def make_tables(root, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "deploy/make-tables", "--root", root, *arguments],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """A copy of the sources and of what is made of them."""
    for name in (*SOURCES, *MADE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def replace(path, old, new):
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


def test_the_tables_are_what_the_yaml_says():
    made = make_tables(ROOT, "--check")
    assert (made.returncode, made.stderr) == (0, "")


def test_the_tables_are_made_alike(copy):
    for name in MADE[:3]:
        (copy / name).unlink()
    assert make_tables(copy).returncode == 0
    for name in MADE:
        assert (copy / name).read_bytes() == (ROOT / name).read_bytes(), name


@pytest.mark.parametrize("name", MADE)
def test_a_table_that_differs_is_found(copy, name):
    text = (copy / name).read_text()
    (copy / name).write_text(re.sub(r"Zalo|Drugs|Adults", "Other", text))
    made = make_tables(copy, "--check")
    assert made.returncode == 1
    assert f"{name}: not what the YAML says; run `make tables`" in made.stderr
    assert make_tables(copy).returncode == 0
    assert (copy / name).read_text() == text


@pytest.mark.parametrize(
    ("source", "old", "new", "message"),
    [
        (SOURCES[0], "number: 1\n", "number: 0\n", "categories.yaml: number: expected each once, found twice: 0"),
        (SOURCES[0], "number: 1\n", "number: 64\n", "court_ministry_order: number: expected 0 to 63, found 64"),
        (SOURCES[0], "id: phishing", "id: malware", "id: expected each once, found twice: malware"),
        (SOURCES[0], "id: phishing", "id: Phishing", "id: expected the form"),
        (SOURCES[0], "authority: law", "authority: king", "illegal: authority: expected law, provider, household"),
        (SOURCES[0], "switch: nobody", "switch: king", "illegal: switch: expected nobody, provider, household"),
        (SOURCES[0], 'mode: "null"', "mode: zero", "ads_trackers: mode: expected sinkhole, nxdomain, null, refused"),
        (SOURCES[0], "en: Malware}", "fr: Malware}", "malware: name: expected a text for each of vi, en"),
        (SOURCES[0], "en: Explains", "en: It does. It explains", "sex_education: description: expected one sentence"),
        (SOURCES[0], "number: 1\n", "nummer: 1\n", "court_ministry_order: expected number; add it"),
        (SOURCES[0], "ut1: [dating]", "ut1: [phishing]", "name of UT1: expected each once, found twice: phishing"),
        (SOURCES[0], "ut1: [dating]", "ut2: [dating]", "dating: key: expected id, number"),
        (SOURCES[0], "blocks: [illegal, security]", "blocks: [illegal, gov]", "preset adult: expected groups and"),
        (SOURCES[1], "category: forums", "category: forum", "reddit: category: expected a category's id"),
        (SOURCES[1], "- x.com\n", "- t.me\n", "services.yaml: name: expected each once, found twice: t.me"),
        (SOURCES[1], "- x.com\n", "- X.com\n", "services.yaml: name: expected the form"),
        (SOURCES[1], "id: zalo", "id: games", "expected ids that no category has, found games"),
        (SOURCES[1], "[messenger]", "[messager]", "facebook: includes: expected tiktok"),
        (SOURCES[1], "[messenger]", "[garena]", "facebook: includes: expected tiktok"),
        (SOURCES[1], "fast.com:", "help.netflix.com:", "netflix: shared: help.netflix.com: expected a name that stays"),
        (SOURCES[1], "fast.com: a test of the line's speed", "fast.com:", "netflix: shared: fast.com: expected the re"),
    ],
)
def test_a_mistake_is_refused(copy, source, old, new, message):
    before = {name: (copy / name).read_bytes() for name in MADE}
    replace(copy / source, old, new)
    made = make_tables(copy)
    assert made.returncode == 1
    assert made.stderr.startswith("make-tables: ")
    assert message in made.stderr
    assert before == {name: (copy / name).read_bytes() for name in MADE}


def test_a_page_without_its_marks_is_refused(copy):
    replace(copy / "docs/reference/services.md", "<!-- end of shared -->", "")
    made = make_tables(copy)
    assert made.returncode == 1
    assert "services.md: expected '<!-- shared: by make tables -->'" in made.stderr


def size(value):
    return sys.getsizeof(value) + (sum(map(size, value)) if isinstance(value, tuple) else 0)


def test_the_tables_of_a_router_are_small_and_need_no_yaml():
    assert size(categories_table.GROUPS) + size(categories_table.CATEGORIES) < 64 * 1024
    program = "import sys, safedns.config.categories_table; print('yaml' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert found.stdout.strip() == "False"


def test_no_worker_has_the_tables_that_only_commands_need():
    program = "import sys, safedns.supervisor, safedns.resolver.app; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert not {"safedns.blocklist.services_table", "safedns.blocklist.presets_table"} & set(found.stdout.split())
