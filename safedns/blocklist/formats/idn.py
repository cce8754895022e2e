"""Names in other scripts: UTS 46, non-transitional, as browsers do it; A-labels in lists, Unicode in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.entry import Names

if TYPE_CHECKING:
    from safedns.blocklist.formats.reading import Reading

_PREFIX: Final = "xn--"

# What is left of a name of invisible characters: no name, which the line has to stay.
_NOTHING: Final = b"."

# A name has at most 253 characters in A-label form and never more in its own script; encoding takes quadratic time.
_MAX_TEXT: Final = 1024


def ascii_name(name: str) -> str:
    """A name in A-label form: `bücher.example` is `xn--bcher-kva.example`.

    Raises:
        ValueError: it holds what no name may hold.
    """
    if name.isascii():
        return name.lower()
    try:
        # UTS 46 encodes each label that its own table allows; IDNA 2008 would refuse emoji, which browsers take.
        return ".".join(map(_a_label, mapped(name).split(".")))
    except UnicodeError as error:
        raise ValueError(str(error)) from None


def mapped(text: str) -> str:
    """A text as names hold it: in lower case, composed, without what UTS 46 ignores.

    Raises:
        ValueError: it holds what no name may hold.
    """
    if text.isascii():
        return text.lower()
    if len(text) > _MAX_TEXT:
        raise ValueError("name is too long")
    import idna

    try:
        return idna.uts46_remap(text, std3_rules=False, transitional=False)
    except UnicodeError as error:  # idna.IDNAError is one
        raise ValueError(str(error)) from None


def _a_label(label: str) -> str:
    return label if label.isascii() else _PREFIX + label.encode("punycode").decode("ascii")


def unicode_name(a_label: str) -> str:
    """A name as people read it; labels that don't stand for other text stay as they are."""
    return ".".join(map(_u_label, a_label.split("."))) if _PREFIX in a_label else a_label


def both_forms(a_label: str) -> str:
    """A name for people: in A-label form, as lists and tools have it, and as they read it where that differs."""
    text = unicode_name(a_label)
    return a_label if text == a_label else f"{a_label} ({text})"


def _u_label(label: str) -> str:
    if not label.startswith(_PREFIX):
        return label
    try:
        text = label[len(_PREFIX) :].encode("ascii").decode("punycode")
        # One that does not come back as it was would show a name that is not the one in the list.
        return text if text.isprintable() and ascii_name(text) == label else label
    except ValueError:
        return label


def to_ascii(names: Names, reading: Reading) -> Names:
    """The same names in A-label form; those that have none are bad lines."""
    if names.data.isascii():
        return names
    lines = names.data.split(b"\n")
    for index, line in enumerate(lines):
        if not line.isascii():
            try:
                lines[index] = ascii_name(line.decode("utf-8")).encode("ascii") or _NOTHING
            except ValueError as error:
                lines[index] = b""
                reading.reject(names, index, f"not a domain name ({error})")
    return Names(b"\n".join(lines), names.first, names.numbers, names.scope, names.allow)
