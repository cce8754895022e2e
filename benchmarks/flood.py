"""The saturating load: runs flood.c's program, which is faster than any server here, as dnsperf is not."""

import subprocess
from pathlib import Path

from benchmarks.dnsperf import Load
from benchmarks.process import CLIENT_CORE
from benchmarks.server import ADDRESS, SERVER_PORT

_DRAIN_SECONDS = 30


def run_flood(program: Path, queries: Path, seconds: float, *, once: bool) -> Load:
    """Keep the server busy until the time is over or, with `once`, the file is at its end."""
    command = ["taskset", "-c", str(CLIENT_CORE), str(program), ADDRESS, str(SERVER_PORT), str(queries)]
    command += [f"{seconds:g}", "1" if once else "0"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _DRAIN_SECONDS, check=True)
    return parse_flood(result.stdout)


def parse_flood(output: str) -> Load:
    """Read the line that the program prints."""
    sent, answered, failed, nanoseconds = (int(field) for field in output.split())
    return Load(answered, sent - answered, failed, answered * 1e9 / nanoseconds if nanoseconds else 0.0)
