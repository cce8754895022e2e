"""What a server under test is, and what it is given to work with."""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

ADDRESS = "127.0.0.1"
SERVER_PORT = 5390
UPSTREAM_PORT = 5391
WEB_PORT = 5392
TLS_PORT = 5393


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server runs: a directory of its own, and the lists in the forms that servers read."""

    directory: Path
    names: Path
    rpz: Path
    compiled: Path
    safedns: Path
    floor_library: Path

    def configure(self, file: str, template: str, **more: object) -> Path:
        """Fill in a configuration template ($port, $upstream, $names, …) and write it to the server's directory."""
        values = {
            "address": ADDRESS,
            "port": SERVER_PORT,
            "upstream": UPSTREAM_PORT,
            "directory": self.directory,
            "names": self.names,
            "rpz": self.rpz,
            "user": pwd.getpwuid(os.getuid()).pw_name,
        }
        path = self.directory / file
        path.write_text(Template(template).substitute(values | more))
        return path


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test. `command` writes its configuration and returns how to start it in the foreground."""

    name: str
    package: str | None
    program: str
    command: Callable[[Site], list[str]]
    filters: bool = True
