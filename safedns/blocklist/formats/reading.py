"""What the reading of one list found: counts, what was left out and why, and when a file is no list at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from safedns.blocklist.formats.entry import Names

# A list with more than this share of bad lines is another kind of file, or damaged.
MAX_BAD_SHARE: Final = 0.1

# A file that is as wrong as this after so many lines is not read to its end, which may be gigabytes away.
EARLY_BAD_SHARE: Final = 0.5
EARLY_LINES: Final = 1000

# What a person reads; the rest is counted.
MAX_SHOWN: Final = 10
MAX_TEXT: Final = 80


@dataclass(slots=True)
class Reading:
    """What was found in a list. Every line is listed, blank, skipped or bad.

    Attributes:
        path: the file.
        format: its format, once that is known.
        lines: lines read, those of included files too.
        listed: lines whose names were taken.
        names: names taken, before equal ones are seen to be equal.
        bad: lines that break the format's rules, or with a name that is none.
        skipped: lines that the format allows but that a name filter can't honour, by kind.
        first_bad: the first bad lines, as `file:line: reason: text`.
    """

    path: str
    format: str = ""
    lines: int = 0
    listed: int = 0
    names: int = 0
    bad: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    first_bad: list[str] = field(default_factory=list)
    _last_rejected: int = 0

    @property
    def blank(self) -> int:
        """Lines that are empty or comments."""
        return self.lines - self.listed - self.bad - self.skipped.total()

    def skip(self, kind: str, count: int = 1) -> None:
        """Count lines that can't be honoured."""
        self.skipped[kind] += count

    def bad_line(self, number: int, reason: str, text: str, path: str | None = None) -> None:
        """Count a line that breaks the rules, and keep it if it is one of the first."""
        self.bad += 1
        if len(self.first_bad) < MAX_SHOWN:
            self.first_bad.append(f"{path or self.path}:{number}: {reason}: {text[:MAX_TEXT]!r}")

    def reject(self, names: Names, index: int, reason: str) -> None:
        """Take back a name that turned out to be none; its line counts as bad."""
        self.names -= 1
        number = names.number(index)
        if number != self._last_rejected:
            self._last_rejected = number
            self.listed -= 1
            # Finding a line's text takes a pass over the chunk: only for those that are shown.
            shown = len(self.first_bad) < MAX_SHOWN
            self.bad_line(number, reason, names.text(index) if shown else "")

    def check_share(self, *, early: bool = False) -> None:
        """Refuse a file that is mostly not of its format.

        Args:
            early: more lines follow, so the limit is wider.

        Raises:
            BlocklistError: too many bad lines.
        """
        content = self.listed + self.bad + self.skipped.total()
        limit = EARLY_BAD_SHARE if early else MAX_BAD_SHARE
        if self.bad > content * limit and not (early and self.lines < EARLY_LINES):
            raise BlocklistError(
                f"{self.path}: expected a list in {self.format} format, found {self.bad} bad lines of {content}, "
                f"the first: {self.first_bad[0].removeprefix(self.path + ':')}; say its format if it is another one"
            )

    def check_names(self) -> None:
        """Refuse a list without names.

        Raises:
            BlocklistError: there is none.
        """
        if self.names > 0:
            return
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.skipped.most_common(3))
        found = f"only what can't be honoured: {kinds}" if kinds else "only comments" if self.lines else "an empty file"
        raise BlocklistError(f"{self.path}: expected names, found {found}")
