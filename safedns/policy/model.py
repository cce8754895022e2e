"""What a policy is made of, in the native engine's terms."""

from dataclasses import dataclass
from enum import IntEnum

from safedns.blocklist.categories import Category


class AnswerMode(IntEnum):
    """How a blocked name is answered, by the native engine's numbers."""

    SINKHOLE = 0
    """The block page's address."""
    NXDOMAIN = 1
    """No such name."""
    NULL = 2
    """The unspecified address, 0.0.0.0 or ::."""
    REFUSED = 3
    """REFUSED."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A category is blocked.

    Attributes:
        category: what is blocked.
        mode: how a blocked name is answered.
        text: EXTRA-TEXT of the Extended DNS Error (RFC 8914), one short sentence.
        structured: the same as JSON (draft-ietf-dnsop-structured-dns-error), for clients that ask for it.
    """

    category: Category
    mode: AnswerMode
    text: str
    structured: str

    def native(self) -> tuple[int, int, int, str, str]:
        """The rule as `_native.Policy` takes it."""
        return (self.category.number, self.mode, self.category.authority.extended_error, self.text, self.structured)
