import json
import subprocess
import sys
from dataclasses import asdict, replace
from hashlib import sha256

import pytest

from safedns.blocklist.store import State, Store
from safedns.errors import BlocklistError

BODY = b"a.example\n"
STATE = State(
    url="https://lists.safedns.example/",
    etag='"1"',
    last_modified="",
    fetched=100,
    checked=200,
    sha256=sha256(BODY).hexdigest(),
    names=1,
    size=len(BODY),
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def keep(store, body=BODY, state=STATE):
    store.part("one").write_bytes(body)
    store.keep("one", state)


def test_a_copy_is_kept(store):
    keep(store)
    assert store.file("one").name == "one.list"
    assert store.file("one").read_bytes() == BODY
    assert store.state("one") == STATE
    assert store.intact("one", STATE)
    assert sorted(path.name for path in store.path.iterdir()) == ["one.json", "one.list"]


def test_nothing_is_known_of_what_is_not_there(store):
    assert store.state("one") is None
    keep(store)
    store.file("one").unlink()
    assert store.state("one") is None
    assert not store.intact("one", STATE)


def test_a_copy_of_another_state(store):
    keep(store)
    store.file("one").write_bytes(b"b.example\n")
    assert not store.intact("one", STATE)


PLAIN = asdict(STATE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "[" * 10_000,
        "\x00",
        json.dumps(PLAIN)[:-10],
        json.dumps(PLAIN | {"names": "1"}),
        json.dumps(PLAIN | {"names": True}),
        json.dumps(PLAIN | {"more": 1}),
        json.dumps(PLAIN | {"etag": "a\r\nb: c"}),
        json.dumps({word: value for word, value in PLAIN.items() if word != "sha256"}),
    ],
)
def test_a_damaged_state_is_none(store, text):
    keep(store)
    (store.path / "one.json").write_text(text)
    assert store.state("one") is None


def test_a_state_that_is_no_text_is_none(store):
    keep(store)
    (store.path / "one.json").write_bytes(b"\xff\xfe")
    assert store.state("one") is None


def test_one_at_a_time(store):
    code = "import sys; from safedns.blocklist.store import Store\nwith Store(sys.argv[1]).lock(): print('mine')"
    with store.lock():
        other = subprocess.run(
            [sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, check=False
        )
        assert "found another update at work" in other.stderr
    other = subprocess.run([sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, check=False)
    assert other.stdout == "mine\n"


def test_leftovers_go(store):
    keep(store)
    store.part("two").write_bytes(b"half")
    with store.lock():
        assert not store.part("two").exists()
    assert store.file("one").exists()


def test_a_store_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BlocklistError, match="folder that can be written"), Store(tmp_path / "file" / "store").lock():
        pass


def test_noting_leaves_the_copy(store):
    keep(store)
    store.note("one", replace(STATE, checked=300))
    assert store.state("one").checked == 300
    assert store.file("one").read_bytes() == BODY
