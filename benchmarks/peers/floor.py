"""The kernel floor: see floor.c and floor.py one directory up."""

import sys
from pathlib import Path

from benchmarks.server import ADDRESS, SERVER_PORT, Server, Site

PROGRAM = Path(__file__).parents[1] / "floor.py"


def command(site: Site) -> list[str]:
    """No configuration."""
    return [sys.executable, str(PROGRAM), str(site.floor_library), ADDRESS, str(SERVER_PORT)]


SERVER = Server("floor", None, "gcc", command, filters=False)
