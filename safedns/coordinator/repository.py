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
from safedns.blocklist.release import Object, Release, prefix, read_release, role
from safedns.config.units import CHANNEL_NAME
from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from securesystemslib.signer import Key, Signer

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
    """A folder that a web server may serve.

    What is signed and added is kept in memory until `write`: whoever keeps it elsewhere as well does so before anybody
    sees it.

    Attributes:
        folder: where the files go.
        pending: files that wait to be written, by path below the folder, in the order in which they have to appear.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.pending: dict[str, bytes] = {}
        for name in ("metadata", "objects", "packs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def write(self) -> None:
        """Write what is pending: what others refer to before what refers to it.

        Raises:
            BlocklistError: a file can't be written; it and those after it stay pending.
        """
        for path, data in list(self.pending.items()):
            self.place(path, data)
            del self.pending[path]

    def place(self, path: str, data: bytes) -> None:
        """Write one file.

        Raises:
            BlocklistError: it can't be written.
        """
        with replacing(self.folder / path) as file:
            file.write(data)

    def files(self) -> set[str]:
        """Paths of all files, below the folder."""
        found = self.folder.glob("*/*")
        # What is being written has a name that begins with a dot.
        return {str(path.relative_to(self.folder)) for path in found if not path.name.startswith(".")}

    def create(self, offline: OfflineKeys, online: OnlineKeys, now: datetime) -> bytes:
        """Sign the first metadata; the result is the root, which routers start from.

        Raises:
            SyncError: there is a repository already.
        """
        if self._version(Root.type):
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
        targets = self.delegation({name: signer.public_key for name, signer in online.channels.items()}, now)
        self._sign(f"{targets.version}.{Targets.type}", Metadata(targets), offline.targets)
        self.sign({channel: self.releases(channel) for channel in online.channels}, online, now)

    def delegation(self, channels: Mapping[str, Key], now: datetime) -> Targets:
        """The next version of what says which key signs for each channel, for the holders of its keys to sign.

        Raises:
            SyncError: a channel can't be called so.
        """
        roles: dict[str, DelegatedRole] = {}
        keys = {}
        for channel, key in channels.items():
            _check_channel(channel)
            keys[key.keyid] = key
            roles[role(channel)] = DelegatedRole(
                role(channel), [key.keyid], 1, terminating=True, paths=[f"{prefix(channel)}*"]
            )
        version = self._version(Targets.type) + 1
        return Targets(version, expires=now + TARGETS_LIFE, delegations=Delegations(keys, roles))

    def add_object(self, each: Object, data: bytes) -> None:
        """Take an object in, if it is not there."""
        if not (self.folder / each.path).exists():
            self.pending[each.path] = data

    def root(self) -> Metadata[Root]:
        """The newest root.

        Raises:
            SyncError: there is none.
        """
        version = self._version(Root.type)
        if not version:
            raise SyncError(f"{self.folder}: expected a root, found none; run safedns coordinator init")
        return Metadata[Root].from_bytes(self._read(f"{version}.{Root.type}"))

    def targets(self) -> Metadata[Targets]:
        """The newest metadata that says which key signs for each channel."""
        return Metadata[Targets].from_bytes(self._read(f"{self._version(Targets.type)}.{Targets.type}"))

    def install(self, metadata: Metadata[Any]) -> None:
        """Take in a root or targets that were signed elsewhere.

        Raises:
            SyncError: it is not the next version, or not signed by as many as have to.
        """
        name, version = metadata.signed.type, metadata.signed.version
        if version != self._version(name) + 1:
            raise SyncError(f"expected version {self._version(name) + 1} of the {name}, found version {version}")
        root = self.root().signed
        judges = [root, metadata.signed] if isinstance(metadata.signed, Root) else [root]
        for judge in judges:
            result = judge.get_verification_result(name, metadata.signed_bytes, metadata.signatures)
            if not result.verified:
                raise SyncError(
                    f"version {version} of the {name}: expected {result.threshold} signatures, found "
                    f"{len(result.signed)}; have the others sign it too: safedns coordinator keys sign"
                )
        self.pending[f"metadata/{version}.{name}.json"] = metadata.to_bytes()

    def releases(self, channel: str) -> list[Release]:
        """The releases of a channel that are signed now, newest first."""
        version = self._version(role(channel))
        if not version:
            return []
        targets = Metadata[Targets].from_bytes(self._read(f"{version}.{role(channel)}")).signed.targets
        found = [read_release(path, each.length, each.hashes["sha256"], each.custom) for path, each in targets.items()]
        return sorted(found, key=lambda release: -release.serial)

    def sign(self, releases: Mapping[str, Sequence[Release]], online: OnlineKeys, now: datetime) -> None:
        """Sign the releases that routers may take, by channel, then that these are the newest."""
        for channel, each in releases.items():
            self._sign_channel(channel, each, online.channels[channel], now)
        self.refresh(online, now)

    def _sign_channel(self, channel: str, releases: Sequence[Release], signer: Signer, now: datetime) -> None:
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
            [signer],
        )

    def refresh(self, online: OnlineKeys, now: datetime) -> None:
        """Sign anew what belongs together, and that it is the newest; it has to be done before that expires."""
        channels = self.delegated()
        names = [Targets.type, *map(role, channels)]
        meta = {f"{name}.json": MetaFile(self._version(name)) for name in names if self._version(name)}
        version = self._version(Snapshot.type) + 1
        snapshot = Snapshot(version, expires=now + ONLINE_LIFE, meta=meta)
        self._sign(f"{version}.{Snapshot.type}", Metadata(snapshot), [online.snapshot])
        timestamp = Timestamp(
            Metadata[Timestamp].from_bytes(self._read(Timestamp.type)).signed.version + 1 if version > 1 else 1,
            expires=now + ONLINE_LIFE,
            snapshot_meta=MetaFile(version),
            # Routers without a clock learn the time from it.
            unrecognized_fields={"signed": int(now.timestamp())},
        )
        self._sign(Timestamp.type, Metadata(timestamp), [online.timestamp])
        for channel in channels:
            if self._version(role(channel)):
                self._pack(channel)

    def delegated(self) -> list[str]:
        """Channels that have a key."""
        delegations = self.targets().signed.delegations
        return [name.removeprefix(role("")) for name in (delegations.roles if delegations else None) or {}]

    def old_versions(self, kept: int) -> list[str]:
        """Paths of what was signed online and is older than so many versions."""
        found: dict[str, list[int]] = {}
        for path in (self.folder / "metadata").glob("*.json"):
            version, _, name = path.stem.partition(".")
            if name not in ("", Root.type, Targets.type):
                found.setdefault(name, []).append(int(version))
        return [
            f"metadata/{version}.{name}.json"
            for name, versions in found.items()
            for version in sorted(versions)[:-kept]
        ]

    def _pack(self, channel: str) -> None:
        files = [
            Timestamp.type,
            *(f"{self._version(name)}.{name}" for name in (Snapshot.type, Targets.type, role(channel))),
        ]
        pack = {f"{name}.json": self._read(name).decode() for name in files}
        pack["root"] = str(self._version(Root.type))
        data = zstandard.ZstdCompressor(level=_LEVEL).compress(json.dumps(pack).encode())
        self._put(f"packs/{channel}.zst", data)

    def _read(self, name: str) -> bytes:
        path = f"metadata/{name}.json"
        return self.pending[path] if path in self.pending else (self.folder / path).read_bytes()

    def _put(self, path: str, data: bytes) -> None:
        """Let a file wait behind all that wait already."""
        self.pending.pop(path, None)
        self.pending[path] = data

    def _version(self, name: str) -> int:
        """The newest version of a role; 0 if there is none."""
        found = [path.name for path in (self.folder / "metadata").glob(f"*.{name}.json")]
        found += [path.rpartition("/")[2] for path in self.pending if path.endswith(f".{name}.json")]
        return max((int(each.partition(".")[0]) for each in found), default=0)

    def _sign(self, name: str, metadata: Metadata[Any], signers: Sequence[Signer]) -> bytes:
        for signer in signers:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes()
        self._put(f"metadata/{name}.json", data)
        return data


def _check_channel(channel: str) -> None:
    if not CHANNEL_NAME.fullmatch(channel):
        raise SyncError(f"{channel}: expected a channel of lower-case letters, digits and hyphens such as isp-a")
