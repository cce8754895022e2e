"""Child processes: forked from the supervisor, watched, and started again when they die.

A child is forked with everything already imported and every socket already open, so that a dead one is replaced in
milliseconds; what it inherits and has no use for it closes. It never outlives the supervisor: the control channel's end
tells it.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from safedns.control import Channel, Order

FIRST_DELAY = 0.05
"""Seconds until a child that died a second time is started again; doubles with each death after that."""

LONGEST_DELAY = 2.0
"""Seconds that a child is left dead at most: whatever kills it, the next query may not."""

STABLE = 1.0
"""Seconds of life after which a child's earlier deaths are forgotten: delays are for those that die while starting."""

MISSED_PINGS = 3
"""Pings without an answer after which a child counts as hung."""

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
"""Signals that the supervisor handles, and a child must not handle in its place."""

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Child:
    """One child process, or its place while it is dead.

    Attributes:
        name: what the log calls it.
        main: runs in the process; returns when the child has done its work.
        prepare: runs in the process first, to close what only the supervisor uses.
        wanted: whether it is started again when it ends.
        ready: whether it has said that it answers.
        failures: how often it died lately.
        start_at: when to start it, in seconds of the monotonic clock; None while it runs.
        end_by: when to kill it because it should have ended; None if it may go on.
    """

    name: str
    main: Callable[[Channel], None]
    prepare: Callable[[], None]
    wanted: bool = True
    ready: bool = False
    failures: int = 0
    start_at: float | None = 0.0
    end_by: float | None = None
    pid: int | None = field(default=None, init=False)
    channel: Channel | None = field(default=None, init=False)
    _started_at: float = field(default=0.0, init=False)
    _unanswered: int = field(default=0, init=False)

    def start(self) -> Channel:
        """Fork the process; returns the supervisor's end of its control channel."""
        ours, theirs = Channel.pair()
        # A signal that came between the fork and the child's own handlers would be reported to the supervisor twice.
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                ours.close()
                self._live(theirs)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        theirs.close()
        self.channel, self.start_at, self.ready = ours, None, False
        self._started_at, self._unanswered = time.monotonic(), 0
        return ours

    def send(self, order: Order, descriptor: int | None = None) -> None:
        """Send an order; a child that can't take it is hung or dying, and is killed to be replaced by a good one."""
        if self.channel is None:
            return
        try:
            self.channel.send(order, descriptor)
        except OSError as error:
            log.warning("%s takes no orders (%s): replacing it", self.name, error.strerror)
            self.kill()

    def ping(self) -> None:
        """Ask for a sign of life; kill the child if it has given none for too long."""
        if not self.ready:
            return
        if self._unanswered >= MISSED_PINGS:
            log.error("%s hangs: replacing it", self.name)
            self.kill()
            return
        self._unanswered += 1
        self.send("ping")

    def is_alive(self) -> None:
        """Note a sign of life."""
        self._unanswered = 0

    def drain(self, seconds: float) -> None:
        """Let it end in its own way, within so many seconds; it isn't started again."""
        self.wanted, self.start_at = False, None
        self.end_by = time.monotonic() + seconds
        self.send("drain")

    def kill(self) -> None:
        """End the process at once."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> bool:
        """See whether the process has ended; if it is wanted, plan its next start.

        The first time at once, then after a delay that doubles, and never not at all.
        """
        if self.pid is None:
            return False
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.pid, self.ready = None, False
        if self.wanted:
            now = time.monotonic()
            self.failures = self.failures + 1 if now - self._started_at < STABLE else 1
            delay = 0.0 if self.failures == 1 else min(FIRST_DELAY * 2 ** min(self.failures - 2, 10), LONGEST_DELAY)
            self.start_at = now + delay
            log.error("%s %s; starting it again in %g s", self.name, describe_end(status), delay)
        return True

    def forget_channel(self) -> None:
        """Close the channel to a process that is gone."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def _live(self, channel: Channel) -> NoReturn:
        status = 1
        try:
            self.prepare()
            self.main(channel)
            status = 0
        except BaseException:
            # Native code's panics too; there is nobody above who would report them.
            log.exception("%s failed", self.name)
        finally:
            # The supervisor's buffers and exit handlers are not this process's to flush and run.
            os._exit(status)


def describe_end(status: int) -> str:
    """Say how a process ended, from what waitpid(2) gave."""
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
