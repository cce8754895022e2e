"""What the documents say is so: links and anchors, commands, configuration, metrics."""

import asyncio
import dataclasses
import mmap
import re
import shlex
from pathlib import Path, PurePosixPath

import pytest

from safedns import _native
from safedns.cli.main import COMMANDS, _parser
from safedns.config.load import read
from safedns.config.model import Config
from safedns.config.words import BLOCKABLE, GROUPS, NEVER_BLOCKED
from safedns.coordinator.database import Database
from safedns.coordinator.metrics import Metrics as CentreMetrics
from safedns.coordinator.push import Hub
from safedns.coordinator.static import Static
from safedns.telemetry.metrics import ListFacts, Metrics

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md", ROOT / "blocklists/README.md"]
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
NATIVE_SOURCES = ROOT / "native/core/src"


def named(document):
    return str(document.relative_to(ROOT))


def prose(document):
    """A document without its blocks of code."""
    return FENCE.sub("", document.read_text(encoding="utf-8"))


def anchors(document):
    """Anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def broken_links(document):
    for target in LINK.findall(prose(document)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = document.parent / path if path else document
        if not file.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_to_files_and_headings(document):
    assert list(broken_links(document)) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Where `it` is\n[a](#where-it-is) [b](page.md#where-it-is) [c](#nowhere) [d](none.md) [e](https://a.example)"
    )
    assert list(broken_links(page)) == ["#nowhere: no such heading", "none.md: no such file"]


def code(document):
    """The lines of code in a document, fenced or indented, continued lines joined; and what is code in a sentence."""
    text = document.read_text(encoding="utf-8")
    blocks = [body for _, body in FENCE.findall(text)]
    blocks += re.findall(r"(?:^ {4}.*\n)+", FENCE.sub("", text), re.MULTILINE)
    for block in blocks:
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())
    yield from CODE.findall(prose(document))


def commands(line):
    """The arguments of each `safedns` that a line of shell runs."""
    for part in re.split(r"&&|\||;", line.partition("=/")[2] if line.startswith("Exec") else line):
        try:
            words = shlex.split(part.removeprefix("$ "), comments=True)
        except ValueError:
            continue
        place = next((index for index, word in enumerate(words[:2]) if PurePosixPath(word).name == "safedns"), None)
        if place is not None and len(words) > place + 1 and words[place + 1] in COMMANDS:
            yield words[place + 1 :]


SHOWN = [
    pytest.param(words, id=f"{named(document)}: {' '.join(words)}")
    for document in DOCUMENTS
    for line in code(document)
    for words in commands(line)
    # The name of a command alone, in a sentence, is no way to run it.
    if words not in ([command] for command in COMMANDS) and words[1:] not in (["compile"], ["inspect"], ["lookup"])
]


@pytest.mark.parametrize("words", SHOWN)
def test_commands_are_what_the_program_takes(words):
    if "--help" in words:
        with pytest.raises(SystemExit) as end:
            _parser(words[0]).parse_args(words)
        assert end.value.code == 0
    else:
        assert _parser(words[0]).parse_args(words).run


def test_commands_are_found():
    assert len(SHOWN) > 20
    assert list(commands("$ /opt/safedns/bin/safedns check --config x && systemctl reload safedns")) == [
        ["check", "--config", "x"]
    ]


def test_every_flag_of_serve_is_in_the_reference():
    flags = set(re.findall(r"--[a-z]+", _parser("serve").parse_args(["serve"]).run and _serve_help()))
    table = (REFERENCE / "command-line.md").read_text()
    assert flags - {"--help", "--config"} == set(re.findall(r"^\| `(--[a-z]+)", table, re.MULTILINE))


def _serve_help():
    parsers = next(action for action in _parser("serve")._actions if action.choices).choices
    return parsers["serve"].format_usage()


def keys(model=Config, path=""):
    """All keys of the configuration, with their sections."""
    for entry in dataclasses.fields(model):
        if "kind" in entry.metadata:
            yield path + entry.name
        else:
            yield from keys(type(entry.default), f"{path}{entry.name}.")


def test_the_reference_has_every_key_and_no_other():
    page = (REFERENCE / "configuration.md").read_text()
    table = page.partition("## Keys")[2].partition("## Groups")[0]
    assert re.findall(r"^\| `([a-z0-9_.]+)` \|", table, re.MULTILINE) == list(keys())


def test_the_reference_has_every_group():
    table = (REFERENCE / "configuration.md").read_text().partition("## Groups")[2]
    assert re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE) == list(GROUPS)
    assert NEVER_BLOCKED not in BLOCKABLE


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_keys_that_are_named_exist(document):
    sections = {key.partition(".")[0] for key in keys() if "." in key}
    words = {word for word in CODE.findall(prose(document)) if re.fullmatch(r"[a-z]+\.[a-z0-9_]+", word)}
    files = {word for word in words if word.rpartition(".")[2] in ("py", "rs", "md", "c", "txt", "yaml", "sdns")}
    assert {word for word in words - files if word.partition(".")[0] in sections} <= set(keys())


EXAMPLES = [
    pytest.param(body, id=f"{named(document)}: {body.split()[0]}")
    for document in DOCUMENTS
    for language, body in FENCE.findall(document.read_text(encoding="utf-8"))
    if language == "yaml"
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_configuration_are_right(example, tmp_path):
    file = tmp_path / "safedns.yaml"
    file.write_text(example)
    assert read(str(file)) != Config()


@pytest.fixture(scope="module")
def exposition():
    """What /metrics says when there is a list."""
    metrics = Metrics(mmap.mmap(-1, 8 * _native.COUNTERS))
    metrics.list = ListFacts(1, 1, 1, 0.0)
    return metrics.render().decode()


@pytest.fixture(scope="module")
def centre_exposition(tmp_path_factory):
    """What /metrics of a coordinator says that nobody has asked anything."""
    folder = tmp_path_factory.mktemp("centre")

    async def page():
        database = Database(f"sqlite:///{folder}/coordinator.db")
        await database.upgrade()
        async with database.reading() as session:
            found = await CentreMetrics(Hub(), Static(folder)).page(session)
        await database.close()
        return found.decode()

    return asyncio.run(page())


def test_metrics_are_those_of_the_program(exposition):
    """Name, type, labels and meaning of each."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)", exposition, re.MULTILINE))
    meanings = dict(re.findall(r"^# HELP (\S+) (.+)", exposition, re.MULTILINE))
    rows = []
    for metric, kind in kinds.items():
        sample = re.search(rf"^{metric}(?:_bucket)?{{(.*)}} ", exposition, re.MULTILINE)
        labels = re.findall(r'(\w+)="', sample[1]) if sample else []
        shown = ", ".join(f"`{label}`" for label in labels if label != "le")
        rows.append(f"| `{metric}` | {kind} | {shown + ' ' if shown else ''}| {meanings[metric]} |")
    page = (REFERENCE / "metrics.md").read_text()
    assert re.findall(r"^\| `safedns_.*", page, re.MULTILINE) == rows


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_metrics_that_are_named_exist(document, exposition, centre_exposition):
    known = set(re.findall(r"^# TYPE (\S+)", exposition + centre_exposition, re.MULTILINE))
    found = set(re.findall(r"safedns_(?:[a-z]+_)*[a-z]+\b(?!\*)", " ".join(code(document))))
    assert {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in found} <= known


def test_what_make_run_prints_is_what_documents_show():
    recipe = re.search(r"^run:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    printed = re.findall(r"@echo '  (.+)'", recipe[1])
    assert len(printed) == 3
    for document in (ROOT / "README.md", ROOT / "docs/tutorial/first-run.md"):
        assert [line for line in printed if f"    {line}\n" not in document.read_text()] == [], document


def test_the_readme_is_no_manual():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_decisions_are_listed_and_numbered():
    records = sorted(path.name for path in (ROOT / "docs/adr").glob("*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    listed = re.findall(r"docs/adr/(\d{4}-[a-z-]+\.md)", (ROOT / "ARCHITECTURE.md").read_text())
    assert listed == records


def test_the_layout_of_the_list_file_is_the_format_s():
    """Offsets of the table are those of the module documentation, and the version is the build's."""
    row = re.compile(r"^(?://! )?\| (\d+) \| (\d+) \|", re.MULTILINE)
    page = (REFERENCE / "list-file.md").read_text()
    assert row.findall(page) == row.findall((NATIVE_SOURCES / "trie/mod.rs").read_text())
    assert f"## Layout, version {_native.FORMAT_VERSION}\n" in page


def test_limits_in_the_documents_are_the_code_s():
    """Numbers that are written in sentences, beside the constant that makes them true."""
    from safedns.resolver import stream, upstream
    from safedns.supervisor import children, run
    from safedns.web import alert, server

    page = " ".join((REFERENCE / "behaviour.md").read_text().split())
    limits = stream.Limits()
    for sentence in (
        f"{limits.connections_per_client} per client",
        f"leaves answers unread for {limits.unread:g} s, or more than {limits.unsent_most // 1024} KiB",
        f"Web: {server.CONNECTIONS} connections of at most {server.LIFETIME:g} s",
        f"TLS: {alert.CONNECTIONS} of at most {alert.TIME_LIMIT:g} s",
        f"over TCP give up after {upstream.EXCHANGE_TIMEOUT:g} s",
        f"after {children.FIRST_DELAY * 1000:g} ms, then twice that, at most {children.LONGEST_DELAY:g} s",
        f"not ended after {run.DRAIN_TIME:g} s is killed",
        f"about {(children.MISSED_PINGS + 1) * run.TICK:g} s",
        f"After {_constant('forward/mod.rs', 'DEADLINE') / 1e9:g} s without an answer",
        f"{_constant('forward/mod.rs', 'MAX_WAITING'):,} clients wait",
        f"at most {_constant('ports.rs', 'MAX_SOCKETS')} are open",
    ):
        where = page if "are open" not in sentence else _decision("0004")
        assert sentence.lower() in where.lower(), sentence


def _constant(file, name):
    """An integer constant of the core."""
    match = re.search(rf"const {name}: \w+ = ([0-9_]+);", (NATIVE_SOURCES / file).read_text())
    return int(match[1].replace("_", ""))


def _decision(number):
    return " ".join(next((ROOT / "docs/adr").glob(f"{number}-*.md")).read_text().split())
