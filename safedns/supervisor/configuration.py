"""Reading the configuration in a process that ends: what reading YAML takes in memory (2 MB) is given back.

A child shares all its memory with the supervisor, so this would otherwise be kept for as long as any of them lives.
"""

import logging
import os
from collections.abc import Callable

from safedns.config.build import from_json, to_json
from safedns.config.model import Config
from safedns.control import read_memory, write_memory
from safedns.errors import ConfigError

WRONG = 3
"""Exit status of the reading process when the configuration is wrong; what it left is the error's text."""

log = logging.getLogger(__name__)


def read_apart(load: Callable[[], Config]) -> Config:
    """Read the configuration in another process.

    Args:
        load: reads it.

    Raises:
        ConfigError: what `load` raised, with the same text; or that process came to grief.
    """
    result = write_memory("")
    pid = os.fork()
    if pid == 0:
        _read(load, result)
    _, status = os.waitpid(pid, 0)
    text = read_memory(result)
    if os.waitstatus_to_exitcode(status) == WRONG:
        raise ConfigError(text)
    if status:
        raise ConfigError("expected to read the configuration, but the process that reads it failed; see the log")
    return from_json(text)


def _read(load: Callable[[], Config], result: int) -> None:
    """Be the reading process."""
    status = 1
    try:
        try:
            text, status = to_json(load()), 0
        except ConfigError as error:
            text, status = str(error), WRONG
        os.pwrite(result, text.encode(), 0)
    except Exception:
        status = 1
        log.exception("reading the configuration failed: a bug, please report it")
    finally:
        os._exit(status)
