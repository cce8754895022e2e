"""Builds the suite's C files with gcc into the work directory."""

import subprocess
from pathlib import Path

_SOURCES = Path(__file__).parent
_FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")


def build_floor(directory: Path) -> Path:
    """Build floor.c as a shared object."""
    return _build("floor.c", directory / "floor.so", "-shared", "-fPIC")


def build_flood(directory: Path) -> Path:
    """Build flood.c as a program."""
    return _build("flood.c", directory / "flood")


def build_load(directory: Path) -> Path:
    """Build load.c as a program."""
    return _build("load.c", directory / "load")


def _build(source: str, output: Path, *flags: str) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", *_FLAGS, *flags, str(_SOURCES / source), "-o", str(output)], check=True)
    return output
