import os
import subprocess
import sys

from safedns.config.model import AUTO, Config


def test_workers_auto_is_one_per_core() -> None:
    assert Config(workers=AUTO).worker_count == len(os.sched_getaffinity(0))
    assert Config(workers=3).worker_count == 3


def test_a_process_that_is_sent_its_configuration_does_not_import_yaml() -> None:
    code = "import sys; from safedns.config.build import from_json; from_json('{}'); sys.exit('yaml' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
