"""Which language a page is written in (RFC 9110 section 12.5.4)."""

from typing import Final

from safedns.web.texts import TEXTS, Texts

HEADER_LIMIT: Final = 1024
"""Characters of an Accept-Language header that are read; browsers send a tenth of this."""


def choose(accept_language: str) -> Texts:
    """Choose the texts for an Accept-Language header; the first language when it is absent, broken or a tie."""
    wanted = dict.fromkeys(TEXTS, 0.0)
    for part in accept_language[:HEADER_LIMIT].lower().split(","):
        tag, _, parameters = part.partition(";")
        language = tag.strip().partition("-")[0]
        for match in TEXTS if language == "*" else [language]:
            # A language named twice, as in "vi-VN,vi;q=0.9", is wanted as much as its best variant.
            if match in wanted:
                wanted[match] = max(wanted[match], _quality(parameters))
    # max() keeps the first of equals, and TEXTS stands in the order of preference.
    return TEXTS[max(wanted, key=lambda language: wanted[language])]


def _quality(parameters: str) -> float:
    """Read `q=0.5` (RFC 9110 section 12.4.2); 1 when absent, 0 when it is no number from 0 to 1."""
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if name.strip() == "q" and 0 <= quality <= 1 else 0.0
