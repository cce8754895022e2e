"""What needs much memory for a moment, in a process that ends: so that it is given back before something else needs it.

The client of The Update Framework, TLS and what they import take as much as rebuilding a blocklist does. One after the
other they fit into a small router; at the same time they don't.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from safedns.errors import SafeDNSError, SyncError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

P = ParamSpec("P")
T = TypeVar("T")


def apart(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a copy of this process, and wait for what comes of it.

    Args:
        function: what it changes in memory is lost; what it returns or raises can be pickled.
        args: for it.
        kwargs: for it.

    Raises:
        SafeDNSError: the function did.
        SyncError: the process died of it: killed, or out of memory.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(writing, lambda: function(*args, **kwargs))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SyncError(f"expected the process that fetches to finish, found that it {_how(status)}; sync again")
    # What comes through the pipe is from this program itself.
    result: T | SafeDNSError = pickle.loads(said)  # noqa: S301
    if isinstance(result, SafeDNSError):
        raise result
    return result


def _answer(writing: int, call: Callable[[], object]) -> NoReturn:
    """The child's whole life: nothing that the parent would do at its end is done here."""
    status = 1
    try:
        try:
            result = call()
        except SafeDNSError as error:
            result = error
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(result, pipe)
        status = 0
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with status {code}"
