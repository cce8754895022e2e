"""The pages and their JSON form: values in, text out. Templates escape what they are given."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from safedns.web.site import Site
from safedns.web.texts import TEXTS, Texts
from safedns.web.verdict import Verdict

if TYPE_CHECKING:
    from jinja2 import Environment, Template

TEMPLATES: Final = Path(__file__).with_name("templates")

# Safe because the file is part of this package; it goes into the page whole, so that a page is one response.
_STYLE: Final = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8").strip())  # noqa: S704

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; base-uri 'none'"
)
"""Content-Security-Policy of every page: its own style and nothing else, no script above all."""

LANGUAGE_PARAMETER: Final = "safedns-language"
"""Query parameter that beats the browser's language; the name is no blocked site's own."""


@cache
def _template(name: str) -> "Template":
    """A template, compiled. Jinja2 is imported with the first page: 3 MB that a home without one never needs."""
    return _environment().get_template(f"{name}.html")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask.

    Attributes:
        link: a `tel:` or `mailto:` URI.
        text: the number or address.
        label: what the number is; empty if it is not one that everybody knows.
    """

    link: str
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Contacts:
    """Whom to ask for what.

    Attributes:
        helplines: for people in need.
        others: about a block.
    """

    helplines: tuple[Contact, ...]
    others: tuple[Contact, ...]


def site_page(texts: Texts, verdict: Verdict | None, contact: Sequence[str], lookup: str | None, seconds: int) -> str:
    """What stands in the place of a site.

    Args:
        texts: the words.
        verdict: what was decided about the site; None if its name is not valid.
        contact: URIs of those who can be asked.
        lookup: URL of the look-up page for this site; None if it has none that a browser could open.
        seconds: how long devices remember that a site is blocked.
    """
    kind = "invalid" if verdict is None else "blocked" if verdict.blocked else "open"
    return _template("site").render(
        _common(texts, texts.page[f"{kind}.title"], verdict),
        verdict=verdict,
        contacts=contacts(contact, texts),
        lookup=lookup,
        seconds=seconds,
    )


def lookup_page(texts: Texts, typed: str, verdict: Verdict | None, contact: Sequence[str], *, filtering: bool) -> str:
    """The page to look a site up.

    Args:
        texts: the words.
        typed: what was typed into the form; empty at first.
        verdict: what was decided about it; None if nothing was typed, or nothing that is the name of a site.
        contact: URIs of those who can be asked.
        filtering: whether there is a list.
    """
    return _template("lookup").render(
        _common(texts, texts.page["lookup.title"], verdict),
        typed=verdict.site.readable or verdict.site.name if verdict else typed,
        verdict=verdict,
        invalid=bool(typed) and verdict is None,
        contacts=contacts(contact, texts),
        filtering=filtering,
    )


def missing_page(texts: Texts) -> str:
    """The page for an address that this server doesn't have."""
    return _template("missing").render(_common(texts, texts.page["missing.title"], None))


def describe(texts: Texts, verdict: Verdict | None, contact: Sequence[str], lookup: str | None) -> dict[str, object]:
    """A verdict for programs: the same facts as on the page. Without a verdict, all facts are null."""
    category = verdict.category if verdict else None
    return {
        "name": verdict.site.name if verdict else None,
        "readable": verdict.site.readable if verdict else None,
        "blocked": verdict.blocked if verdict else None,
        "rule": verdict.rule if verdict else None,
        "category": category
        and {
            "id": category.id,
            "name": texts.categories[category.id],
            "description": texts.descriptions[category.id],
        },
        "authority": category and category.authority.value,
        "entry": verdict.entry if verdict else None,
        "serial": verdict.serial if verdict else None,
        "contact": list(contact),
        "lookup": lookup,
        "language": texts.language,
    }


def lookup_url(server: tuple[str, int | None] | None, site: Site) -> str | None:
    """URL of the look-up page for a site, at the address that a client has reached this server by.

    None where a browser couldn't use it: a link-local address needs a zone, and a URL has no place for that.
    """
    if server is None or server[1] is None or server[0].lower().startswith("fe80:"):
        return None
    host = f"[{server[0]}]" if ":" in server[0] else server[0]
    port = "" if server[1] == 80 else f":{server[1]}"
    # A site's name is letters, digits, hyphens, underscores and dots: nothing to be quoted.
    return f"http://{host}{port}/?name={site.name}"


def contacts(uris: Sequence[str], texts: Texts) -> Contacts:
    """Whom to ask, for people: numbers that the country knows by heart are named, and stand apart."""
    all_contacts = [_contact(uri, texts) for uri in uris]
    return Contacts(
        tuple(contact for contact in all_contacts if contact.label),
        tuple(contact for contact in all_contacts if not contact.label),
    )


def _contact(uri: str, texts: Texts) -> Contact:
    scheme, _, text = uri.partition(":")
    if scheme != "tel":
        return Contact(uri, text, "")
    # RFC 3966 section 5.1.4: a short number says where it is valid, but telephones want to dial the number alone.
    number, _, context = text.partition(";")
    known = context in {"", "phone-context=+84"}
    return Contact(f"tel:{number}", number, texts.helplines.get(number, "") if known else "")


def _common(texts: Texts, title: str, verdict: Verdict | None) -> dict[str, object]:
    mood = "plain" if verdict is None else "blocked" if verdict.blocked else "open"
    return {
        "texts": texts,
        "say": texts.page,
        "languages": TEXTS.values(),
        "language_parameter": LANGUAGE_PARAMETER,
        "title": title,
        "mood": mood,
        "name": verdict.site.name if verdict else None,
        "style": _STYLE,
    }
