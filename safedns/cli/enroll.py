"""`safedns enroll`: make this router a device of a coordinator's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safedns.cli.common import add_config
from safedns.errors import ConfigError

if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
  safedns enroll sde_eyJ1cmwiOi… --config /etc/safedns/safedns.yaml

the operator of the coordinator makes the token: safedns operator enrolment-add"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("token", metavar="TOKEN", help="the enrolment token")
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enrol; the result is the exit status."""
    from safedns.config.load import read
    from safedns.sync.device import enrol

    config = read(arguments.config)
    if config.coordinator.state is None:
        raise ConfigError(
            f"{arguments.config or 'configuration'}: coordinator.state: expected a folder for what comes, found none"
        )
    folder = Path(config.coordinator.state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"coordinator.state: expected a folder that can be made, {folder}: {error.strerror}"
        ) from None
    enrolment = enrol(folder, arguments.token)
    print(f"device {enrolment.device} of {enrolment.url}, channel {enrolment.channel}")
    print(f"next: set blocklist.file to {folder / 'blocklist.sdns'} and run safedns sync")
    return 0
