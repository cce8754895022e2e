"""Leaving out what a process never uses, for the memory of a small router: OpenSSL above all, 4 MB.

asyncio and uvloop import `ssl` for connections with TLS and use nothing of it for others, and `hashlib` looks for
OpenSSL before its own implementations. So a stand-in takes the place of `ssl` before they are imported.
"""

import importlib.util
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


def skip_package_code(package: str) -> None:
    """Make a package's modules importable without running its `__init__`, which imports what isn't needed.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    if package not in sys.modules:
        specification = importlib.util.find_spec(package)
        if specification is None:
            raise ModuleNotFoundError(f"expected the package {package}, found none; install it: pip install {package}")
        sys.modules[package] = importlib.util.module_from_spec(specification)
