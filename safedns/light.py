"""Leaving OpenSSL out of processes that never speak TLS: 4 MB of the memory of a small router.

asyncio and uvloop import `ssl` for connections with TLS and use nothing of it for others, and `hashlib` looks for
OpenSSL before its own implementations. So a stand-in takes the place of `ssl` before they are imported.
"""

import sys
from types import ModuleType


class _StandIn(ModuleType):
    """A module `ssl` that has whatever is asked of it and can do nothing."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        value: object
        if name.isupper():
            value = 0
        elif name.endswith("Error"):
            value = type(name, (OSError,), {})
        else:
            value = type(name, (), {"__init__": _refuse, "__module__": "ssl"})
        setattr(self, name, value)
        return value


def _refuse(*_: object, **__: object) -> None:
    raise RuntimeError("this process was started without TLS")


def leave_out_openssl() -> None:
    """Keep OpenSSL from being imported from now on; what has imported it already keeps it."""
    if "ssl" not in sys.modules:
        sys.modules["ssl"] = _StandIn("ssl")
    if "_hashlib" not in sys.modules:
        # What hashlib takes for a build of Python without OpenSSL.
        sys.modules["_hashlib"] = None  # type: ignore[assignment]
