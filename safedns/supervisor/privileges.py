"""Giving up what only opening privileged ports needs."""

import grp
import logging
import os
import pwd
import resource

from safedns import _native
from safedns.errors import ServeError

DESCRIPTORS = 8192
"""Open files that a process may have: clients' connections, and a socket for each question to an upstream."""

log = logging.getLogger(__name__)


def drop(user: str) -> None:
    """Become `user` if this process is root, and never gain a privilege again.

    Raises:
        ServeError: there is no such user, or the program's files are closed to it.
    """
    if os.geteuid() == 0:
        become(user)
    _native.forbid_new_privileges()


def become(user: str) -> None:
    """Change from root to `user`, for good: with its group and no others.

    Raises:
        ServeError: there is no such user, or the program's files are closed to it.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ServeError(
            f"expected the system to have the user {user!r} to run as, found none; create it"
            f" ('useradd --system {user}') or set 'user' to one that exists"
        ) from None
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    _check_program_is_readable(user)
    log.info("runs as user %s, group %s", user, grp.getgrgid(entry.pw_gid).gr_name)


def _check_program_is_readable(user: str) -> None:
    """Code is imported later too: by the web process, and when something goes wrong for the first time.

    Raises:
        ServeError: a part of the program can't be read.
    """
    for part in (__file__, os.__file__):
        if not os.access(part, os.R_OK):
            raise ServeError(
                f"expected the program's files to be readable by the user {user!r}, found that {part} is not;"
                " install SafeDNS where everyone can read it, or set 'user' to one who can"
            )


def raise_descriptor_limit() -> None:
    """Allow this process and its children as many open files as serving may take, if the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
