"""Lists of popular names, most popular first: one name to a line, or lines `rank,name` as Tranco publishes them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from safedns.config.units import NAME, Mismatch
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A longer line is no line of such a list; reading stops being bounded by the file's own lines.
_MAX_LINE: Final = 512


class Popular(NamedTuple):
    """A name and how many are more popular, plus one."""

    rank: int
    name: str


def read_popular(path: str, most: int) -> Iterator[Popular]:
    """Read the first names of a popularity list, one after the other.

    Raises:
        BlocklistError: it can't be read, or a line holds no name: leaving it out could let a block pass.
    """
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path as it was typed, read in a stream
            number = found = 0
            while found < most and (line := file.readline(_MAX_LINE)):
                number += 1
                if line.strip() and not line.startswith("#"):
                    found += 1
                    yield _read_line(line.strip(), found, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise BlocklistError(f"{path}: expected a list of popular names, found: {error}") from None


def _read_line(line: str, position: int, where: str) -> Popular:
    rank, comma, name = line.rpartition(",")
    if not comma or (rank.isascii() and rank.isdigit()):
        with suppress(Mismatch):
            return Popular(int(rank) if comma else position, NAME.read(name.rstrip(".")))
    raise BlocklistError(
        f"{where}: expected a name such as 'example.com' or a rank and a name such as '1,example.com', "
        f"found {line[:80]!r}"
    )
