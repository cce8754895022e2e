"""Each test changes a process of its own, for good."""

import os
import pwd
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from safedns.errors import ServeError
from safedns.supervisor import privileges

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def in_another_process(act):
    """Run `act` in a fork; returns whether it came to its end, and what it wrote."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, str(act()).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    return status == 0, text


@needs_root
def test_root_becomes_the_user_for_good(monkeypatch):
    monkeypatch.setattr(privileges.os, "access", lambda *_: True)
    nobody = pwd.getpwnam("nobody")

    def act():
        privileges.drop("nobody")
        try:
            os.setuid(0)
        except PermissionError:
            return os.getresuid(), os.getresgid(), os.getgroups()

    expected = ((nobody.pw_uid,) * 3, (nobody.pw_gid,) * 3, [])
    assert in_another_process(act) == (True, str(expected))


def test_new_privileges_are_forbidden():
    def act():
        privileges.drop(pwd.getpwuid(os.geteuid()).pw_name)
        status = Path("/proc/self/status").read_text().splitlines()
        return [line.split()[1] for line in status if line.startswith("NoNewPrivs")]

    assert in_another_process(act) == (True, "['1']")


@needs_root
def test_a_user_that_is_absent_is_one_sentence():
    with pytest.raises(ServeError, match=r"'nobody-of-this-name'.*create it"):
        privileges.become("nobody-of-this-name")


@needs_root
def test_a_user_who_cannot_read_the_program_is_one_sentence(monkeypatch):
    monkeypatch.setattr(privileges.os, "access", lambda *_: False)

    def act():
        try:
            privileges.become("nobody")
        except ServeError as error:
            return error

    ended, text = in_another_process(act)
    assert ended
    assert "readable by the user 'nobody'" in text


def test_the_limit_of_open_files_is_raised_as_far_as_it_may():
    code = (
        "import resource; from safedns.supervisor import privileges;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, {hard}));"
        "privileges.raise_descriptor_limit();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > 1000
    for limit in (1000, hard):
        command = [sys.executable, "-c", code.format(hard=limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(done.stdout) == min(limit, privileges.DESCRIPTORS)
