"""A real PostgreSQL and a real NATS server, on loopback and in folders of their own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.helpers.service import free_port

START_TIME = 30.0


class Postgres:
    """PostgreSQL with an empty database for each that asks for one."""

    def __init__(self, folder: Path) -> None:
        # Its programs are in no folder of the path, and it refuses to run as root.
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.folder = folder
        self.port = free_port()
        self._user = pwd.getpwnam("postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
        folder.mkdir(parents=True)
        os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        for parent in folder.parents:
            if parent.stat().st_uid == os.getuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "safedns", "--no-sync")
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the server, and wait for it."""
        log = (self.folder.parent / "postgres.log").open("a")
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1",
             "-k", str(self.folder), "-c", "fsync=off", "-c", "max_connections=60"],
            stdout=log, stderr=log, user=self._user.pw_uid, group=self._user.pw_gid, extra_groups=[],
        )  # fmt: skip
        log.close()
        end = time.monotonic() + START_TIME
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), check=False).returncode:
            assert time.monotonic() < end
            time.sleep(0.05)

    def database(self) -> str:
        """URL of a new, empty database."""
        self._number += 1
        name = f"coordinator{self._number}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "safedns", name)
        return f"postgresql://safedns@127.0.0.1:{self.port}/{name}"

    def lose(self) -> None:
        """Kill it, as a power cut would."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGQUIT)
        self._process.wait(20)

    def close(self) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)

    def _run(self, program: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._bin / program, *words], check=check, capture_output=True, timeout=60,
            user=self._user.pw_uid, group=self._user.pw_gid, extra_groups=[], cwd="/",
        )  # fmt: skip


class Nats:
    """A NATS server."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        program = shutil.which("nats-server")
        assert program is not None
        log = (folder / "nats.log").open("a")
        self._process = subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", str(self.port)], stdout=log, stderr=log
        )  # fmt: skip
        log.close()
        self.url = f"nats://127.0.0.1:{self.port}"
        end = time.monotonic() + START_TIME
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
