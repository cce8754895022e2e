"""The real nginx with the configuration that is deployed."""

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.helpers.coordinator import ask
from tests.helpers.service import free_port

TEMPLATE = Path(__file__).parents[2] / "deploy" / "nginx" / "nginx.conf.template"
START_TIME = 10.0


class Nginx:
    """nginx on loopback, in front of a folder and of coordinators."""

    def __init__(self, folder: Path, public: Path, upstreams: Sequence[str]) -> None:
        run = folder / "nginx"
        run.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        values = {
            "SAFEDNS_LISTEN": f"127.0.0.1:{port}",
            "SAFEDNS_PUBLIC": str(public),
            "SAFEDNS_UPSTREAMS": " ".join(f"server {url.removeprefix('http://')};" for url in upstreams),
            "SAFEDNS_RUN": str(run),
        }
        text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], TEMPLATE.read_text())
        config = run / "nginx.conf"
        # As root its workers would become another user, who can't read a test's folder.
        user = pwd.getpwuid(os.getuid()).pw_name
        config.write_text((f"user {user};\n" if user == "root" else "") + text)
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        assert program is not None
        self.log = run / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([program, "-p", str(run), "-c", str(config)], stdout=log, stderr=log)
        end = time.monotonic() + START_TIME
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end
            time.sleep(0.05)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def _answers(self) -> bool:
        try:
            return ask(self.url, "GET", "/")[0] == 404
        except OSError:
            return False
