"""Imports point one way, and what a router pays for in memory stays out of the processes that answer queries."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import safedns
from tests.helpers.service import Service

PACKAGE = Path(safedns.__file__).parent

# A module imports from rows above its own, never from its own row or those below. `_native` belongs to no row: it
# imports nothing of the package.
LAYERS = (
    {"errors", "light"},
    {"config", "control"},
    {"blocklist"},
    {"policy", "telemetry"},
    {"resolver", "sync", "web", "coordinator"},
    {"supervisor"},
    {"cli"},
    {"__main__"},
)
HEAVY = {"yaml", "starlette", "uvicorn", "jinja2", "prometheus_client", "_ssl", "http", "email", "logging.config"}
"""What costs memory and answers no query. `ssl` itself is there by name alone."""


def part(module):
    """The part of the package that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def imports(file):
    """Modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names = [f"safedns.{alias.name}" for alias in node.names] if node.module == "safedns" else [node.module]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "safedns")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_one_way(file):
    rank = {name: number for number, row in enumerate(LAYERS) for name in row}
    own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in imports(file):
        other = part(module)
        if own == "__init__" or other in (own, "_native"):
            continue
        assert other in rank, f"{module} has no place in the layers"
        assert rank[other] < rank[own], f"{own} must not import {module}"


def test_native_code_is_not_needed_to_read_a_configuration():
    """`safedns check` and `--help` work where the native module does not (another platform, a broken build)."""
    for file in FILES:
        if file.relative_to(PACKAGE).parts[0] in ("errors.py", "config", "control.py"):
            assert "safedns._native" not in imports(file), file


def test_no_heavy_module_reaches_a_worker():
    """What a worker has when it is forked: all that the supervisor has imported, and the resolver's own."""
    program = "import sys, safedns.supervisor, safedns.resolver.app; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    modules = set(found.stdout.split())
    assert "safedns.resolver.app" in modules
    assert modules & HEAVY == set()
    assert not any(module.startswith(("safedns.web", "safedns.cli")) for module in modules)


@pytest.mark.e2e
def test_no_heavy_library_is_mapped_by_a_running_worker(tmp_path):
    with Service(tmp_path) as service:
        service.ask("www.example.com", timeout=3)
        for process in (service.pid, *service.children()):
            mapped = {
                line.split("/", 1)[1] for line in Path(f"/proc/{process}/maps").read_text().splitlines() if "/" in line
            }
            assert any("_native" in file for file in mapped)
            assert [file for file in mapped if any(name in file for name in ("libssl", "_ssl", "yaml", "sqlite"))] == []
