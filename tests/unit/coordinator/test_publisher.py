"""Which deltas are made, what is kept, and what is written in which order."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.blocklist.release import NOTHING
from safedns.coordinator.publisher import Archive, bases
from safedns.coordinator.repository import Repository
from safedns.errors import SyncError
from tests.helpers.publisher import CHANNEL, NOW, Centre, compile_names


def test_deltas_come_from_the_last_eight_and_powers_of_two() -> None:
    assert bases(range(1, 100), 100) == [99, 98, 97, 96, 95, 94, 93, 92, 84, 68, 36]
    assert bases([], 5) == []
    assert bases([1, 2, 9], 10) == [9, 2]
    assert max(10_000 - each for each in bases(range(10_000), 10_000)) == 4096


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_any_router_of_the_last_4096_gets_there_in_few_steps(old: int, ahead: int) -> None:
    """Each delta leads to the newest only; who has a serial without one takes the whole."""
    new = old + ahead
    found = bases(range(1, new), new)
    assert (old in found) == (ahead <= 8 or (ahead <= 4096 and ahead & (ahead - 1) == 0))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(str(tmp_path / "archive"))
    for serial in range(1, 5):
        bundle = compile_names(tmp_path / "b.sdns", [f"n{n}.example" for n in range(serial * 100)], serial)
        made.keep("isp-a", serial, bundle)
        made.keep("isp-a-9", serial, bundle)
    return made


def test_channels_are_kept_apart(archive: Archive) -> None:
    assert sorted(archive.serials("isp-a")) == [1, 2, 3, 4]
    archive.prune("isp-a", most=0)
    assert archive.serials("isp-a") == [4]
    assert len(archive.serials("isp-a-9")) == 4


def test_only_deltas_that_save_something_are_made(archive: Archive) -> None:
    made = archive.deltas("isp-a", 4, [NOTHING, 3, 2, 1])
    assert NOTHING in made
    assert all(len(data) < len(made[NOTHING]) for start, data in made.items() if start != NOTHING)
    assert not list(archive.folder.glob("*.sdnd"))


def test_nothing_is_seen_before_it_is_written(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.publish(["a.example"], 1)
    before = {path: path.read_bytes() for path in centre.public.rglob("*") if path.is_file()}
    centre.repository.sign({CHANNEL: centre.repository.releases(CHANNEL)}, centre.online, NOW)
    assert {path: path.read_bytes() for path in centre.public.rglob("*") if path.is_file()} == before
    order = list(centre.repository.pending)
    assert order[-1] == "packs/isp-a.zst"
    assert order[-2] == "metadata/timestamp.json"
    centre.repository.write()
    assert centre.repository.pending == {}
    assert (centre.public / "packs" / "isp-a.zst").read_bytes() != before[centre.public / "packs" / "isp-a.zst"]


def test_there_is_one_repository_in_a_folder(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    with pytest.raises(SyncError, match="expected no repository, found one"):
        Repository(str(centre.public)).create(centre.offline, centre.online, NOW)


def test_old_versions_are_known(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    for _ in range(20):
        centre.repository.refresh(centre.online, NOW)
    centre.repository.write()
    old = centre.repository.old_versions(16)
    assert old
    assert all("snapshot" in path for path in old)
    assert not any("root" in path or path.endswith(".targets.json") for path in old)
