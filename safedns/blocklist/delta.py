"""Deltas: what turns one compiled blocklist into the next, byte for byte.

A delta carries what changes in the meaning of a blocklist, not in its file: the entries that differ and the tables of
the new file. Applying one lays the file out again and compares it with the hash that the delta was made with.

File, version 1; integers are little-endian:

| size | what |
| --- | --- |
| 8 | magic |
| 4 | version |
| 8 | serial of the old blocklist |
| 8 | checksum of the old blocklist |
| 8 | serial of the new one |
| 8 | its size in bytes |
| 32 | its SHA-256 |
| 8 | size of the content in bytes |
| | content: a Zstandard frame, with the tables of the old blocklist as dictionary if that has entries |
| 32 | SHA-256 of everything before |

What the content holds is described in `native/core/src/trie/delta.rs`.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import zstandard

from safedns.blocklist.output import replacing
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safedns._native import Blocklist

MAGIC: Final = b"\x89SDNDL\r\n"
"""First octets of a delta; not text, and damaged by a transfer that rewrites line ends."""

VERSION: Final = 1

MOST_CONTENT: Final = 2**30
"""Bytes of content that are accepted: more than any blocklist that the format allows has need of."""

_FRONT: Final = struct.Struct("<8sIQ8sQQ32sQ")
_HASH: Final = hashlib.sha256().digest_size
_LEVEL: Final = 19
_WHOLE_LEVEL: Final = 16
"""For all of a blocklist: 1 M names take half the time of level 19, and 0.6 % more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a delta does.

    Attributes:
        old: serial of the blocklist that it is applied to.
        new: serial of the one that it makes.
        size: bytes of the delta.
        added: entries that are new.
        removed: entries that are gone.
        changed: entries that are in other categories.
    """

    old: int
    new: int
    size: int
    added: int
    removed: int
    changed: int

    @property
    def changes(self) -> int:
        """Entries that differ."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True, slots=True)
class _Delta:
    """A delta that was read and is whole."""

    old: int
    checksum: bytes
    new: int
    size: int
    digest: bytes
    length: int
    frame: memoryview


def make(old: str, new: str, output: str) -> Summary:
    """Write the delta between two compiled blocklists.

    Raises:
        BlocklistError: one of them can't be used, or the delta can't be written.
    """
    before, after = _verified(old), _verified(new)
    added, removed, changed, sections = before.delta(after)
    front = _FRONT.pack(
        MAGIC,
        VERSION,
        before.serial,
        bytes.fromhex(before.checksum),
        after.serial,
        after.size,
        _digest(new),
        sum(map(len, sections)),
    )
    delta = front + _compress(sections, _dictionary(before))
    delta += hashlib.sha256(delta).digest()
    with replacing(output) as file:
        file.write(delta)
    return Summary(before.serial, after.serial, len(delta), added, removed, changed)


def apply(old: str, delta: str, output: str) -> int:
    """Write the blocklist that a delta makes of another one.

    Args:
        old: the compiled blocklist that the delta was made from.
        delta: the delta.
        output: where the new one goes; it appears whole, or not at all.

    Returns:
        Serial of the new one.

    Raises:
        BlocklistError: the delta is damaged or belongs to another blocklist, or the file can't be written. Nothing was
            written then.
    """
    read = _read(delta)
    before = _verified(old)
    if (before.serial, bytes.fromhex(before.checksum)) != (read.old, read.checksum):
        raise BlocklistError(
            f"{delta}: expected to be applied to serial {read.old} with checksum {read.checksum.hex()}, "
            f"found serial {before.serial} with checksum {before.checksum} in {old}; get the delta for that one"
        )
    content = _decompress(delta, read, _dictionary(before))
    with replacing(output) as file:
        try:
            before.apply(content, file.fileno())
        except BlocklistError as error:
            raise BlocklistError(f"{delta}: {error}") from None
        found = _digest(str(file.name))
        if found != read.digest:
            raise BlocklistError(
                f"{delta}: expected to make a blocklist with SHA-256 {read.digest.hex()}, "
                f"it made {found.hex()}; get the whole blocklist instead"
            )
    return read.new


def _verified(path: str) -> Blocklist:
    from safedns import _native

    blocklist = _native.Blocklist.open(path)
    try:
        blocklist.verify()
    except BlocklistError as error:
        raise BlocklistError(f"{path}: {error}") from None
    return blocklist


def _digest(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _compress(sections: Iterable[bytes], dictionary: zstandard.ZstdCompressionDict | None) -> bytes:
    """One frame, with a block or more for each section: they have little in common."""
    level = _LEVEL if dictionary else _WHOLE_LEVEL
    compressor = zstandard.ZstdCompressor(level=level, dict_data=dictionary).compressobj()
    parts = []
    for section in sections:
        parts.append(compressor.compress(section))
        parts.append(compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    parts.append(compressor.flush())
    return b"".join(parts)


def _dictionary(old: Blocklist) -> zstandard.ZstdCompressionDict | None:
    # With a dictionary a compressor searches as if what it compresses were as short, so a useless one costs a tenth.
    if not old.entries:
        return None
    return zstandard.ZstdCompressionDict(old.tables(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _read(path: str) -> _Delta:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BlocklistError(f"{path}: can't be read: {error.strerror}") from None
    if not data.startswith(MAGIC):
        raise BlocklistError(f"{path}: expected a delta, found something else; safedns blocklist delta makes one")
    if len(data) < _FRONT.size + _HASH:
        raise BlocklistError(f"{path}: expected a delta, found its first {len(data)} bytes; get it again")
    _, version, old, checksum, new, size, digest, length = _FRONT.unpack_from(data)
    if version != VERSION:
        raise BlocklistError(f"{path}: expected a delta of version {VERSION}, found version {version}; make it again")
    octets = memoryview(data)
    if hashlib.sha256(octets[:-_HASH]).digest() != octets[-_HASH:]:
        raise BlocklistError(
            f"{path}: expected a delta that ends with its SHA-256, found a damaged one: "
            "it was cut short or altered; get it again"
        )
    return _Delta(old, checksum, new, size, digest, length, octets[_FRONT.size : -_HASH])


def _decompress(path: str, read: _Delta, dictionary: zstandard.ZstdCompressionDict | None) -> bytes:
    wrong = BlocklistError(f"{path}: expected {read.length} bytes of content, found something else; get it again")
    if read.length > MOST_CONTENT:
        raise BlocklistError(f"{path}: expected at most {MOST_CONTENT} bytes of content, found {read.length}")
    try:
        # A frame that says how long its content is gets that much memory, whatever the limit.
        if zstandard.get_frame_parameters(read.frame).content_size not in (
            zstandard.CONTENTSIZE_UNKNOWN,
            read.length,
        ):
            raise wrong
        decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
        content = decompressor.decompress(read.frame, max_output_size=read.length)
    except zstandard.ZstdError:
        raise wrong from None
    if len(content) != read.length:
        raise wrong
    return content
