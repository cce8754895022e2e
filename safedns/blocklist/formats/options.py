"""What a reader of a list can be told beside the format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: Final[Mapping[str, str]] = {
    "max_bytes": "bytes of the list, decompressed",
    "member": "file to read in a zip archive that has several",
    "column": "csv: name or number (from 1) of the column with the names",
    "delimiter": "csv: what separates columns, one character or tab",
    "attributes": "v2fly: attributes that an entry must have, or with - in front must not have",
    "origin": "rpz: name of the zone, if the file does not say it",
}
"""Each option and what it says."""

# No list is this large; a compressed file that grows beyond it is an attack or a mistake.
MAX_BYTES: Final = 4 * 2**30


def check_options(path: str, options: Mapping[str, str]) -> None:
    """Refuse options that no format has.

    Raises:
        BlocklistError: one is unknown.
    """
    for key in options:
        if key not in OPTIONS:
            raise BlocklistError(f"{path}: expected options among {', '.join(OPTIONS)}, found {key!r}")


def max_bytes(path: str, options: Mapping[str, str]) -> int:
    """The limit on the decompressed size.

    Raises:
        BlocklistError: it is no positive number.
    """
    text = options.get("max_bytes", str(MAX_BYTES))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise BlocklistError(f"{path}: expected a number of bytes as max_bytes, found {text!r}")
    return int(text)
