import pytest

from safedns.errors import BlocklistError
from safedns.supervisor.blocklist import BlocklistFile
from tests.helpers.service import write_list


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "list.bin"
    write_list(file, ["one.example"], serial=1)
    return file


def test_an_unchanged_file_is_not_read_again(path):
    file = BlocklistFile(str(path))
    assert file.current.serial == 1
    assert file.poll() is None
    assert file.poll(anyway=True).serial == 1


def test_another_file_in_its_place_is_read_once(path):
    file = BlocklistFile(str(path))
    write_list(path, ["one.example", "two.example"], serial=2)
    assert file.poll().serial == 2
    assert file.current.names == 2
    assert file.poll() is None


def test_a_file_written_over_is_read(path):
    file = BlocklistFile(str(path))
    other = path.with_name("other.bin")
    write_list(other, ["two.example"], serial=2)
    path.write_bytes(other.read_bytes())
    assert file.poll().serial == 2


@pytest.mark.parametrize("damage", [b"", b"not a list", None])
def test_a_damaged_file_is_refused_once_and_the_list_in_use_stays(path, damage, caplog):
    file = BlocklistFile(str(path))
    content = path.read_bytes()
    path.write_bytes(content[:-1] if damage is None else damage)
    assert file.poll() is None
    assert file.poll() is None
    assert file.current.serial == 1
    assert caplog.text.count("the blocklist in use stays") == 1
    path.write_bytes(content)
    assert file.poll().serial == 1


def test_a_file_that_goes_and_comes_back_is_read(path):
    file = BlocklistFile(str(path))
    path.unlink()
    assert file.poll() is None
    assert file.current.serial == 1
    write_list(path, ["two.example"], serial=2)
    assert file.poll().serial == 2


def test_a_file_that_is_absent_at_start_is_an_error(tmp_path):
    with pytest.raises(BlocklistError, match=r"absent\.bin"):
        BlocklistFile(str(tmp_path / "absent.bin"))


def test_no_file_is_no_blocklist():
    file = BlocklistFile(None)
    assert file.current is None
    assert file.poll(anyway=True) is None
