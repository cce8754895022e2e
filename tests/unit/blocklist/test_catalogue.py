from pathlib import Path

import pytest

from safedns.blocklist.catalogue import load_catalogue
from safedns.errors import BlocklistError, ConfigError

ROOT = Path(__file__).parents[3]
CATALOGUE = ROOT / "blocklists" / "catalogue.yaml"

ENTRY = {
    "id": "one",
    "url": "https://lists.safedns.example/one.txt",
    "format": "plain",
    "licence": "MIT",
    "homepage": "https://lists.safedns.example/",
    "category": "games",
    "refresh": "1 d",
    "expected": "1000",
}


def write(folder, *entries):
    lines = ["sources:"]
    for entry in entries:
        lines += [f"{'- ' if number == 0 else '  '}{word}: {text}" for number, (word, text) in enumerate(entry.items())]
    path = folder / "catalogue.yaml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def refusal(path):
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    return str(caught.value)


def test_an_entry(tmp_path):
    source = load_catalogue(write(tmp_path, ENTRY | {"options": "{column: host}", "note": "ask first"})).sources[0]
    assert (source.id, source.refresh, source.expected) == ("one", 86_400, 1000)
    assert source.options == {"column": "host"}
    assert not source.enabled


@pytest.mark.parametrize("word", ENTRY)
def test_each_key_is_required(tmp_path, word):
    entry = {other: text for other, text in ENTRY.items() if other != word}
    assert f"sources[0].{word}: expected" in refusal(write(tmp_path, entry))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("id", "../one"),
        ("id", "One"),
        ("id", "'-one'"),
        ("url", "ftp://lists.safedns.example/"),
        ("url", "https:///one"),
        ("url", "https://user:secret@lists.safedns.example/"),
        ("url", "https://[::1/"),
        ("url", "'https://a b/'"),
        ("format", "xml"),
        ("options", "{colum: host}"),
        ("category", "gamse"),
        ("refresh", "1 s"),
        ("refresh", "86400"),
        ("expected", "0"),
        ("enabled", "maybe"),
        ("licence", "''"),
        ("license", "MIT"),
    ],
)
def test_a_mistake_says_where_it_is(tmp_path, word, text):
    path = write(tmp_path, ENTRY, ENTRY | {"id": "two", word: text})
    said = refusal(path)
    assert said.startswith(f"{path}:")
    assert f"sources[1].{word}" in said
    assert "expected" in said
    assert "found" in said
    assert "secret" not in said or "password" in said


def test_each_id_once(tmp_path):
    path = write(tmp_path, ENTRY, ENTRY)
    assert refusal(path) == f"{path}:10: id: expected each id once, found 'one', which {path}:2 has"


def test_choosing(tmp_path):
    catalogue = load_catalogue(
        write(tmp_path, ENTRY, ENTRY | {"id": "two", "enabled": "true"}, ENTRY | {"id": "three"})
    )
    assert [source.id for source in catalogue.select(["enabled"])] == ["two"]
    assert [source.id for source in catalogue.select(["enabled", "one"])] == ["one", "two"]
    assert catalogue.select([]) == []
    with pytest.raises(BlocklistError, match="found four; safedns blocklist sources"):
        catalogue.select(["one", "four"])


def test_the_catalogue_that_comes_along():
    sources = load_catalogue(str(CATALOGUE)).sources
    assert len(sources) >= 40
    assert len({source.url for source in sources}) == len(sources)
    assert all(source.url.startswith("https://") for source in sources)
    free = {"MIT", "Unlicense"}
    assert all(source.enabled == (source.licence in free) for source in sources)
    assert all(source.note for source in sources if not source.enabled)


def test_the_table_in_the_documentation():
    rows = {
        f"| `{source.category}` | [`{source.id}`]({source.homepage}) | {source.licence} | {source.format} "
        f"| {source.expected:,} | {'yes' if source.enabled else 'no'} |"
        for source in load_catalogue(str(CATALOGUE)).sources
    }
    documented = (ROOT / "docs" / "reference" / "catalogue.md").read_text().splitlines()
    assert {line for line in documented if line.count("|") == 7 and "[`" in line} == rows
