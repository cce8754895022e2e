"""Lists of any shape, cut into chunks anywhere: the names and their lines come out."""

import gzip
import lzma
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safedns.blocklist.formats import Reading, read, source

words = st.sampled_from(
    ["a.example", "b.example", "Shop.Example", "local.example", "xn--bcher-kva.example.", "c-1.test"]
)
ends = st.sampled_from(["\n", "\r\n", " \n", "\t# why\n", " # 0.0.0.0 no.example\r\n"])
fillers = st.sampled_from(["\n", "# only a comment\n", "   \n", "\r\n"])
addresses = st.sampled_from(["0.0.0.0 ", "127.0.0.1\t", "::  ", " ::1 "])

plain_lines = st.tuples(st.sampled_from(["", " ", "\t"]), st.lists(words, min_size=1, max_size=1), ends)
hosts_lines = st.tuples(addresses, st.lists(words, min_size=1, max_size=3), ends)
lists = st.one_of(*(st.lists(st.one_of(lines, fillers), max_size=30) for lines in (plain_lines, hosts_lines)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists, st.integers(3, 64), st.sampled_from([bytes, gzip.compress, lzma.compress]), st.booleans())
def test_names_and_lines_of_any_list(tmp_path: Path, parts: list, size: int, compress: object, mark: bool) -> None:
    text, expected = "", []
    for number, part in enumerate(parts, 1):
        if isinstance(part, str):
            text += part
        else:
            start, words, end = part
            text += start + " ".join(words) + end
            expected += [(word, number) for word in words]
    path = tmp_path / "list"
    path.write_bytes(compress((b"\xef\xbb\xbf" if mark else b"") + text.encode()))
    with mock.patch.object(source, "CHUNK_SIZE", size):
        found = [
            (line.decode(), lines.number(index))
            for lines in read(str(path), Reading(str(path)))
            for index, line in enumerate(lines.data.split(b"\n"))
            if line
        ]
    assert found == expected
