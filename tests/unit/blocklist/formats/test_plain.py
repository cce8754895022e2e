import pytest

from safedns.blocklist.formats import Reading, plain
from safedns.blocklist.formats.entry import Chunk


@pytest.mark.parametrize(
    ("chunk", "names"),
    [
        (b"a.example\nb.example\n", b"a.example\nb.example\n"),
        (b"# list\n\na.example # why\n#b.example\n", b"\n\na.example\n\n"),
        (b"a.example\r\nb.example\r\n", b"a.example\nb.example\n"),
        (b"  a.example\t\n\tb.example  \n", b"a.example\nb.example\n"),
        (b"a.example # why\r\n \r\n", b"a.example\n\n"),
        (b"two words.example\n", b"two words.example\n"),
        (b"A.Example.\n", b"A.Example.\n"),
        (b" \n\n  \n", b"\n\n\n"),
    ],
)
def test_lines_stay_lines(chunk: bytes, names: bytes) -> None:
    assert plain.clean(chunk) == names
    (lines,) = plain.read([Chunk(chunk, 1)], Reading("list"), {})
    assert lines.data.count(b"\n") == chunk.count(b"\n")


@pytest.mark.parametrize(
    ("chunk", "content"), [(b"", False), (b"\n# a\n  # b\r\n\t\n", False), (b"#\n a\n", True), (b"a\n", True)]
)
def test_comments_and_empty_lines_are_no_content(chunk: bytes, content: bool) -> None:
    assert plain.has_content(chunk) is content
