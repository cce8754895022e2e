"""The name that `Names` had."""

from __future__ import annotations

from safedns.blocklist.formats.entry import Names as Lines

__all__ = ["Lines"]
