import random
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from safedns import _native
from safedns.blocklist.categories import BY_ID
from safedns.blocklist.compile import Input, Job, Report, Summary, compile_lists
from safedns.errors import BlocklistError


class Told:
    """What a compile told."""

    def __init__(self) -> None:
        self.bad: list[str] = []
        self.progress: list[tuple[str, int]] = []

    def report(self) -> Report:
        return Report(lambda path, count: self.progress.append((path, count)), self.bad.append)


def source(word: str, path: Path) -> Input:
    return Input(word, str(path), 1 << BY_ID[word].number)


def compiled(tmp_path: Path, serial: int = 1, told: Told | None = None, **lists: str | bytes) -> Summary:
    sources = []
    for word, text in lists.items():
        path = tmp_path / f"{word}.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        sources.append(source(word, path))
    return compile_lists(Job(sources, serial=serial), str(tmp_path / "out.bin"), (told or Told()).report())


def lookup(tmp_path: Path, name: str) -> tuple[set[str], str | None]:
    mask, entry = _native.Blocklist.load(str(tmp_path / "out.bin")).lookup(name)
    return {word for word, category in BY_ID.items() if mask >> category.number & 1}, entry


def test_names_are_found_again(tmp_path: Path) -> None:
    told = Told()
    summary = compiled(
        tmp_path,
        serial=7,
        told=told,
        gambling="bet.example\nboth.example\n",
        porn="0.0.0.0 adult.example both.example\n",
    )
    assert (summary.names, summary.serial, summary.bad) == (3, 7, 0)
    assert summary.counts == {"porn": 2, "gambling": 2}
    assert summary.size == (tmp_path / "out.bin").stat().st_size
    assert told.progress == [(str(tmp_path / "gambling.txt"), 2), (str(tmp_path / "porn.txt"), 2)]
    assert lookup(tmp_path, "WWW.bet.example.") == ({"gambling"}, "bet.example")
    assert lookup(tmp_path, "both.example") == ({"gambling", "porn"}, "both.example")
    assert lookup(tmp_path, "example") == (set(), None)


def test_the_same_names_give_the_same_bytes(tmp_path: Path) -> None:
    names = [f"n{number % 997}.d{number % 13}.example" for number in range(3000)]
    compiled(tmp_path, gambling="\n".join(names))
    first = (tmp_path / "out.bin").read_bytes()
    random.Random(1).shuffle(names)
    (tmp_path / "half.txt").write_text("".join(f"0.0.0.0 {name.upper()}.\r\n" for name in names[:1500]))
    (tmp_path / "rest.txt").write_text("\n".join(names[1500:]))
    sources = [source("gambling", tmp_path / name) for name in ("rest.txt", "half.txt")]
    compile_lists(Job(sources), str(tmp_path / "other.bin"), Told().report())
    assert (tmp_path / "other.bin").read_bytes() == first


def test_a_list_without_names_compiles(tmp_path: Path) -> None:
    assert compiled(tmp_path, gambling="# none yet\n").names == 0
    assert compiled(tmp_path, gambling="").names == 0


def test_bad_lines_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    told = Told()
    good = "".join(f"n{number}.example\n" for number in range(200))
    bad = "".join(f"bad name {number}\n" for number in range(12))
    summary = compiled(tmp_path, told=told, gambling=f"# list\n{bad}{good}", porn="adult.example\n" * 9 + "-_$\n")
    assert (summary.bad, summary.names) == (13, 201)
    # The first ten of each list.
    assert len(told.bad) == 11
    assert told.bad[0].startswith(f"{tmp_path}/gambling.txt:2: ")
    assert told.bad[0].endswith(": 'bad name 0'")
    assert told.bad[9].startswith(f"{tmp_path}/gambling.txt:11: ")


def test_bad_names_on_a_line_of_several_have_their_line(tmp_path: Path) -> None:
    told = Told()
    compiled(
        tmp_path, told=told, gambling="0.0.0.0 a.example\n0.0.0.0 b.example c..example\n" + "0.0.0.0 d.example\n" * 30
    )
    assert [line.split(": ")[0] for line in told.bad] == [f"{tmp_path}/gambling.txt:2"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"names": ["bet.example"]}\n', "found what looks like JSON"),
        ("<html><body>moved</body></html>\n", "found what looks like HTML: the source returned an error page"),
        (random.Random(1).randbytes(5000), "found what looks like binary data"),
        ("good.example\n" * 8 + "bad name\n", "in plain format, found 1 bad lines of 9, the first: 9: only letters"),
    ],
)
def test_a_file_of_another_kind_leaves_what_was_there(tmp_path: Path, content: str | bytes, found: str) -> None:
    compiled(tmp_path, gambling="bet.example\n")
    before = (tmp_path / "out.bin").read_bytes()
    with pytest.raises(BlocklistError) as caught:
        compiled(tmp_path, gambling="other.example\n", porn=content)
    assert str(caught.value).startswith(f"{tmp_path}/porn.txt: expected a list")
    assert found in str(caught.value)
    assert (tmp_path / "out.bin").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gambling.txt", "out.bin", "porn.txt"]


def test_up_to_a_tenth_of_bad_lines_is_taken(tmp_path: Path) -> None:
    assert compiled(tmp_path, gambling="good.example\n" * 9 + "bad name\n").bad == 1


def test_an_unreadable_list_gives_no_output(tmp_path: Path) -> None:
    sources = [source("gambling", tmp_path / "none.txt")]
    with pytest.raises(BlocklistError, match=r"none\.txt: expected a readable list, found: No such file or directory"):
        compile_lists(Job(sources), str(tmp_path / "out.bin"), Told().report())
    assert list(tmp_path.iterdir()) == []


def test_the_folder_must_exist(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.example\n")
    sources = [source("gambling", tmp_path / "list.txt")]
    with pytest.raises(
        BlocklistError, match=r"out\.bin: can't be written: No such file or directory; nothing was changed"
    ):
        compile_lists(Job(sources), str(tmp_path / "none" / "out.bin"), Told().report())


def test_everyone_can_read_the_output(tmp_path: Path) -> None:
    compiled(tmp_path, gambling="bet.example\n")
    assert stat.S_IMODE((tmp_path / "out.bin").stat().st_mode) == 0o644


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the kernel refuses the write in the same place."""
    compiled(tmp_path, gambling="bet.example\n")
    before = (tmp_path / "out.bin").read_bytes()
    (tmp_path / "large.txt").write_text("".join(f"name{number}.example\n" for number in range(20_000)))
    command = [sys.executable, "-m", "safedns", "blocklist", "compile", "--output", str(tmp_path / "out.bin")]
    done = subprocess.run(
        [*command, f"gambling={tmp_path / 'large.txt'}"],
        capture_output=True,
        text=True,
        timeout=20,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"safedns: {tmp_path / 'out.bin'}: can't be written: File too large")
    assert done.stderr.endswith("; nothing was changed\n")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "out.bin").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gambling.txt", "large.txt", "out.bin"]
