"""Private keys in files: PKCS #8 in PEM, readable for their owner only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safedns.coordinator.repository import OfflineKeys, OnlineKeys


_NEXT: Final = ".next"


class KeyFolder:
    """A folder of keys, each named after what it signs.

    They are `root-1.pem` and so on, `targets-1.pem`, `snapshot.pem`, `timestamp.pem`, and `channel-NAME.pem`.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def make(self, name: str) -> CryptoSigner:
        """Make a key.

        Raises:
            SyncError: there is one of that name, or it can't be written.
        """
        signer = CryptoSigner.generate_ed25519()
        path = self._path(name)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise SyncError(f"{path}: expected no key, found one; it is not written over") from None
        except OSError as error:
            raise SyncError(f"{path}: can't be written: {error.strerror}") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(signer.private_bytes)
            file.flush()
            os.fsync(descriptor)
        return signer

    def load(self, name: str) -> CryptoSigner:
        """Read a key.

        Raises:
            SyncError: it is not there, or is no key.
        """
        path = self._path(name)
        try:
            return CryptoSigner(load_pem_private_key(path.read_bytes(), None))
        except OSError as error:
            raise SyncError(f"{path}: expected a private key, found none: {error.strerror}") from None
        except (TypeError, ValueError):
            raise SyncError(
                f"{path}: expected an unencrypted private key in PEM format, found something else"
            ) from None

    def make_next(self, name: str) -> CryptoSigner:
        """Make a key that is to take the place of another one, once what says so is signed."""
        self._path(f"{name}{_NEXT}").unlink(missing_ok=True)
        return self.make(f"{name}{_NEXT}")

    def activate(self) -> None:
        """Put keys into the place of those that they follow, which are kept under another name."""
        for path in sorted(self.folder.glob(f"*{_NEXT}.pem")):
            old = self._path(path.stem.removesuffix(_NEXT))
            if old.exists():
                old.replace(old.with_suffix(".old"))
            path.replace(old)

    def channels(self) -> list[str]:
        """Channels that there are keys for."""
        stems = (path.stem.removeprefix("channel-") for path in self.folder.glob("channel-*.pem"))
        return sorted(stem for stem in stems if not stem.endswith(_NEXT))

    def online(self) -> OnlineKeys:
        """The keys that the coordinator works with.

        Raises:
            SyncError: one is missing.
        """
        from safedns.coordinator.repository import OnlineKeys

        channels = {channel: self.load(f"channel-{channel}") for channel in self.channels()}
        return OnlineKeys(self.load("snapshot"), self.load("timestamp"), channels)

    def make_all(
        self, channels: Iterable[str], root: tuple[int, int], targets: tuple[int, int]
    ) -> tuple[OfflineKeys, OnlineKeys]:
        """Make all keys of a new coordinator.

        Args:
            channels: their names.
            root: how many root keys, and how many of them have to sign.
            targets: the same for the targets.

        Raises:
            SyncError: there are keys already.
        """
        from safedns.coordinator.repository import OfflineKeys, OnlineKeys

        roots = [self.make(f"root-{number}") for number in range(1, root[0] + 1)]
        delegators = [self.make(f"targets-{number}") for number in range(1, targets[0] + 1)]
        made = {channel: self.make(f"channel-{channel}") for channel in channels}
        online = OnlineKeys(self.make("snapshot"), self.make("timestamp"), made)
        return OfflineKeys(roots, root[1], delegators, targets[1]), online

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pem"
