"""The files that routers download, and what is signed of them: a repository of The Update Framework.

    metadata/   root, targets and the channels' roles by version; snapshot by version; timestamp
    objects/    deltas and whole blocklists, each called by its SHA-256
    packs/      for each channel the metadata that changes often, in one file

Everything but timestamp and packs is written once and never again, so that any web server can serve and any cache keep
it. Root and targets are signed with keys that stay offline; they say which keys may sign for which channel.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import zstandard
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from safedns.blocklist.output import replacing
from safedns.blocklist.release import Release, prefix, read_release, role
from safedns.config.units import CHANNEL_NAME
from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from securesystemslib.signer import Signer

ROOT_LIFE: Final = timedelta(days=365)
TARGETS_LIFE: Final = timedelta(days=365)
ONLINE_LIFE: Final = timedelta(days=7)
"""Of what is signed online. Routers keep filtering with what they have when it is over."""

_LEVEL: Final = 19


@dataclass(frozen=True, slots=True)
class OfflineKeys:
    """Keys of people, brought together for a ceremony.

    Attributes:
        root: who signs for the root.
        root_threshold: how many of them have to.
        targets: who signs which keys are a channel's.
        targets_threshold: how many of them have to.
    """

    root: Sequence[Signer]
    root_threshold: int
    targets: Sequence[Signer]
    targets_threshold: int


@dataclass(frozen=True, slots=True)
class OnlineKeys:
    """Keys of the running coordinator: what they sign can be delayed or chosen, but not made up for another channel.

    Attributes:
        snapshot: signs which versions belong together.
        timestamp: signs that this is the newest.
        channels: by channel, who signs its releases.
    """

    snapshot: Signer
    timestamp: Signer
    channels: Mapping[str, Signer]


class Repository:
    """A folder that a web server may serve."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        for name in ("metadata", "objects", "packs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def create(self, offline: OfflineKeys, online: OnlineKeys, now: datetime) -> bytes:
        """Sign the first metadata; the result is the root, which routers start from.

        Raises:
            SyncError: there is a repository already.
        """
        if (self.folder / "metadata" / "1.root.json").exists():
            raise SyncError(f"{self.folder}: expected no repository, found one; choose another folder")
        root = Root(expires=now + ROOT_LIFE, consistent_snapshot=True)
        roles = {
            Root.type: (offline.root, offline.root_threshold),
            Targets.type: (offline.targets, offline.targets_threshold),
            Snapshot.type: ([online.snapshot], 1),
            Timestamp.type: ([online.timestamp], 1),
        }
        for name, (signers, threshold) in roles.items():
            for signer in signers:
                root.add_key(signer.public_key, name)
            root.roles[name].threshold = threshold
        written = self._sign(f"1.{Root.type}", Metadata(root), offline.root)
        self.delegate(offline, online, now)
        return written

    def delegate(self, offline: OfflineKeys, online: OnlineKeys, now: datetime) -> None:
        """Say which key signs for each channel; releases that there are stay."""
        version = self._version(Targets.type) + 1
        roles: dict[str, DelegatedRole] = {}
        keys = {}
        for channel, signer in online.channels.items():
            _check_channel(channel)
            key = signer.public_key
            keys[key.keyid] = key
            roles[role(channel)] = DelegatedRole(
                role(channel), [key.keyid], 1, terminating=True, paths=[f"{prefix(channel)}*"]
            )
        targets = Targets(version, expires=now + TARGETS_LIFE, delegations=Delegations(keys, roles))
        self._sign(f"{version}.{Targets.type}", Metadata(targets), offline.targets)
        for channel in online.channels:
            self.sign(channel, self.releases(channel), online, now)

    def add_object(self, data: bytes, sha256: str) -> None:
        """Put an object into its place, if it is not there."""
        path = self.folder / "objects" / sha256
        if not path.exists():
            with replacing(path) as file:
                file.write(data)

    def releases(self, channel: str) -> list[Release]:
        """The releases of a channel that are signed now, newest first."""
        version = self._version(role(channel))
        if not version:
            return []
        targets = Metadata[Targets].from_file(str(self._path(f"{version}.{role(channel)}"))).signed.targets
        found = [read_release(path, each.length, each.hashes["sha256"], each.custom) for path, each in targets.items()]
        return sorted(found, key=lambda release: -release.serial)

    def sign(self, channel: str, releases: Sequence[Release], online: OnlineKeys, now: datetime) -> None:
        """Sign the releases that routers of a channel may take, then that these are the newest."""
        version = self._version(role(channel)) + 1
        targets = {
            each.path: TargetFile(
                each.bundle.length, {"sha256": each.bundle.sha256}, each.path, {"custom": each.custom()}
            )
            for each in releases
        }
        self._sign(
            f"{version}.{role(channel)}",
            Metadata(Targets(version, expires=now + ONLINE_LIFE, targets=targets)),
            [online.channels[channel]],
        )
        self.refresh(online, now)

    def refresh(self, online: OnlineKeys, now: datetime) -> None:
        """Sign anew what belongs together, and that it is the newest; it has to be done before that expires."""
        names = [Targets.type, *map(role, online.channels)]
        meta = {f"{name}.json": MetaFile(self._version(name)) for name in names if self._version(name)}
        version = self._version(Snapshot.type) + 1
        snapshot = Snapshot(version, expires=now + ONLINE_LIFE, meta=meta)
        self._sign(f"{version}.{Snapshot.type}", Metadata(snapshot), [online.snapshot])
        timestamp = Timestamp(
            Metadata[Timestamp].from_file(str(self._path(Timestamp.type))).signed.version + 1 if version > 1 else 1,
            expires=now + ONLINE_LIFE,
            snapshot_meta=MetaFile(version),
            # Routers without a clock learn the time from it.
            unrecognized_fields={"signed": int(now.timestamp())},
        )
        self._sign(Timestamp.type, Metadata(timestamp), [online.timestamp])
        for channel in online.channels:
            if self._version(role(channel)):
                self._pack(channel)

    def _pack(self, channel: str) -> None:
        files = [
            Timestamp.type,
            *(f"{self._version(name)}.{name}" for name in (Snapshot.type, Targets.type, role(channel))),
        ]
        pack = {f"{name}.json": self._path(name).read_text() for name in files}
        pack["root"] = str(self._version(Root.type))
        with replacing(self.folder / "packs" / f"{channel}.zst") as file:
            file.write(zstandard.ZstdCompressor(level=_LEVEL).compress(json.dumps(pack).encode()))

    def _path(self, name: str) -> Path:
        return self.folder / "metadata" / f"{name}.json"

    def _version(self, name: str) -> int:
        """The newest version of a role; 0 if there is none."""
        versions = [path.name.partition(".")[0] for path in (self.folder / "metadata").glob(f"*.{name}.json")]
        return max(map(int, versions), default=0)

    def _sign(self, name: str, metadata: Metadata[Any], signers: Sequence[Signer]) -> bytes:
        for signer in signers:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes()
        with replacing(self._path(name)) as file:
            file.write(data)
        return data


def _check_channel(channel: str) -> None:
    if not CHANNEL_NAME.fullmatch(channel):
        raise SyncError(f"{channel}: expected a channel of lower-case letters, digits and hyphens such as isp-a")
