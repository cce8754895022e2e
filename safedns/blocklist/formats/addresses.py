"""Whether an address in an answer is a dead end, as a block gives it, or a real place that a name was moved to."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

REWRITE_KIND: Final = "answer with a real address"


# Lists have one or two addresses for all their names.
@lru_cache(maxsize=1024)
def is_sink(text: bytes) -> bool | None:
    """True for addresses that no site has (unspecified, loopback, private); None if it is no address."""
    try:
        return not ipaddress.ip_address(text.decode("ascii").partition("%")[0]).is_global
    except ValueError:
        return None
