"""What people sign who hold the offline keys: the next root, and the next targets.

One of them proposes it as a file, each signs the file where the key is, and one installs it. No key moves.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from safedns.blocklist.output import replacing
from safedns.blocklist.release import role
from safedns.coordinator.repository import ROOT_LIFE
from safedns.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from securesystemslib.signer import Key

    from safedns.coordinator.keys import KeyFolder
    from safedns.coordinator.repository import Repository

ROOT_ROLES: Final = (Root.type, Targets.type, Snapshot.type, Timestamp.type)


def propose_channel(repository: Repository, keys: KeyFolder, channel: str, now: datetime) -> Metadata[Any]:
    """Targets that give a channel a key: a new one, in place of the old one if it has one."""
    signer = keys.make_next(f"channel-{channel}")
    current = repository.targets().signed.delegations
    known: dict[str, Key] = {}
    for name in repository.delegated():
        if current is not None and current.roles is not None:
            known[name] = current.keys[current.roles[role(name)].keyids[0]]
    return Metadata(repository.delegation(known | {channel: signer.public_key}, now))


def propose_root(
    repository: Repository, keys: KeyFolder, replaced: str, old_key: str | None, now: datetime
) -> Metadata[Any]:
    """A root that has a new key in one role.

    Args:
        repository: its root is the one before.
        keys: where the new key goes.
        replaced: the role, or the role and a number as the file of its key is called, as in `root-2`.
        old_key: id of the key that it takes the place of; not needed where the role has only one.
        now: the time.

    Raises:
        SyncError: there is no such role or key.
    """
    name = replaced.partition("-")[0]
    if name not in ROOT_ROLES:
        raise SyncError(f"expected a role among {', '.join(ROOT_ROLES)} or channel-NAME, found {replaced}")
    root = copy.deepcopy(repository.root().signed)
    root.version += 1
    root.expires = now + ROOT_LIFE
    there = root.roles[name].keyids
    old = old_key or (there[0] if len(there) == 1 else None)
    if old not in there:
        raise SyncError(f"--old-key: expected one of {', '.join(there)}, found {old_key or 'none'}")
    root.revoke_key(old, name)
    root.add_key(keys.make_next(replaced).public_key, name)
    return Metadata(root)


def renew(repository: Repository, what: str, now: datetime) -> Metadata[Any]:
    """The same root or targets, for another year."""
    if what == Root.type:
        root = copy.deepcopy(repository.root().signed)
        root.version += 1
        root.expires = now + ROOT_LIFE
        return Metadata(root)
    current = repository.targets().signed.delegations
    if current is None or current.roles is None:
        raise SyncError("expected channels in the targets, found none")
    known = {name: current.keys[current.roles[role(name)].keyids[0]] for name in repository.delegated()}
    return Metadata(repository.delegation(known, now))


def write(metadata: Metadata[Any], path: str) -> None:
    """Write a proposal.

    Raises:
        BlocklistError: it can't be written.
    """
    with replacing(path) as file:
        file.write(metadata.to_bytes())


def read(path: str) -> Metadata[Any]:
    """Read a proposal.

    Raises:
        SyncError: it is none.
    """
    try:
        found: Metadata[Any] = Metadata.from_bytes(Path(path).read_bytes())
    except OSError as error:
        raise SyncError(f"{path}: expected a proposal, found none: {error.strerror}") from None
    except RepositoryError:
        raise SyncError(f"{path}: expected a proposal, found something else") from None
    if not isinstance(found.signed, Root | Targets):
        raise SyncError(f"{path}: expected a root or targets, found {found.signed.type}")
    return found


def sign(path: str, key_files: Sequence[str]) -> Metadata[Any]:
    """Add signatures to a proposal.

    Raises:
        SyncError: it is none, or a file holds no key.
    """
    metadata = read(path)
    for file in key_files:
        try:
            signer = CryptoSigner(load_pem_private_key(Path(file).read_bytes(), None))
        except OSError as error:
            raise SyncError(f"{file}: expected a private key, found none: {error.strerror}") from None
        except (TypeError, ValueError):
            raise SyncError(
                f"{file}: expected an unencrypted private key in PEM format, found something else"
            ) from None
        metadata.sign(signer, append=True)
    write(metadata, path)
    return metadata


def lines(metadata: Metadata[Any]) -> list[str]:
    """What a proposal says, for those who are to sign it."""
    signed = metadata.signed
    found = [f"{signed.type}, version {signed.version}, valid until {signed.expires:%Y-%m-%d}"]
    if isinstance(signed, Root):
        found += [
            f"  {name}: {each.threshold} of {len(each.keyids)}: {', '.join(key[:16] for key in each.keyids)}"
            for name, each in signed.roles.items()
        ]
    elif signed.delegations is not None:
        found += [f"  {name}: {each.keyids[0][:16]}" for name, each in (signed.delegations.roles or {}).items()]
    return [*found, f"  signed by: {', '.join(key[:16] for key in metadata.signatures) or 'nobody yet'}"]
