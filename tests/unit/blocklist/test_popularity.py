from pathlib import Path

from safedns.blocklist.popularity import read_popular


def test_names_in_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "top").write_text("# first\nA.example.\r\n\nb.example\nc.example")
    found = list(read_popular(str(tmp_path / "top"), 10))
    assert found == [(1, "a.example"), (2, "b.example"), (3, "c.example")]


def test_ranks_of_the_file_and_only_as_many_as_wanted(tmp_path: Path) -> None:
    (tmp_path / "top").write_text("5,a.example\n9,b.example\nwhat follows is not read\n")
    assert list(read_popular(str(tmp_path / "top"), 2)) == [(5, "a.example"), (9, "b.example")]
    assert list(read_popular(str(tmp_path / "top"), 0)) == []
