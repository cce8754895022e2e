"""Key ceremonies: proposed by one, signed where the keys are, installed; routers follow, thieves don't get through."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from safedns.cli.main import main
from tests.helpers.coordinator import Coordinator, Router, run
from tests.helpers.publisher import WebServer

pytestmark = [pytest.mark.timeout(90)]

KEYS = ("--root-keys", "3", "--root-threshold", "2", "--targets-keys", "2", "--targets-threshold", "2")


class Office:
    """A coordinator whose offline keys lie in other folders, as with people who keep them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.centre = Coordinator(folder / "centre", "isp-a", keys=KEYS)
        self.safe = folder / "safe"
        self.safe.mkdir()
        for path in [*(folder / "centre/keys").glob("root-*"), *(folder / "centre/keys").glob("targets-*")]:
            path.rename(self.safe / path.name)

    def propose(self, *words: str) -> str:
        """A proposal's file."""
        file = str(self.folder / "proposal.json")
        self.centre.command("keys", *words, "--output", file)
        return file

    def sign(self, file: str, *keys: str) -> str:
        flags = [word for key in keys for word in ("--key", str(self.safe / f"{key}.pem"))]
        return run("coordinator", "keys", "sign", file, *flags)

    def install(self, file: str, status: int = 0) -> str:
        return self.centre.command("keys", "install", file, status=status)

    def key(self, name: str) -> Path:
        return self.folder / "centre" / "keys" / f"{name}.pem"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def server(office: Office) -> Iterator[WebServer]:
    made = WebServer(office.folder / "centre" / "public")
    yield made
    made.close()


def router_of(office: Office, server: WebServer, channel: str) -> Router:
    root = str(office.folder / "centre" / "root.json")
    return Router(office.folder / f"router-{channel}", mirrors=[server.url], channel=channel, root=root)


@pytest.fixture
def router(office: Office, server: WebServer) -> Router:
    made = Router(
        office.folder / "router", mirrors=[server.url], channel="isp-a", root=str(office.folder / "centre/root.json")
    )
    assert "serial 0 stays active" in made.sync()
    return made


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_an_online_key_that_was_stolen_is_replaced(office: Office, router: Router, role: str) -> None:
    old = office.key(role).read_bytes()
    file = office.propose("rotate", role)
    assert office.key(role).read_bytes() == old
    assert "expected 2 signatures, found 0; have the others sign it too" in office.install(file, status=2)
    office.sign(file, "root-1")
    assert "expected 2 signatures, found 1" in office.install(file, status=2)
    assert "root, version 2" in office.sign(file, "root-3")
    assert "installed" in office.install(file)
    assert office.key(role).read_bytes() != old
    assert "stays active" in router.sync()
    assert "expected version 3 of the root, found version 2" in office.install(file, status=2)


def test_the_thief_of_an_online_key_is_shut_out(office: Office, router: Router) -> None:
    """With the stolen key alone nothing can be signed that routers accept, once the new root is out."""
    stolen = office.folder / "stolen"
    shutil.copytree(office.folder / "centre", stolen)
    file = office.propose("rotate", "timestamp")
    office.sign(file, "root-1", "root-2")
    office.install(file)
    router.sync()
    # The thief goes on with the old keys, from the old state.
    public = office.folder / "centre" / "public"
    (public / "packs" / "isp-a.zst").write_bytes((stolen / "public" / "packs" / "isp-a.zst").read_bytes())
    (public / "metadata" / "timestamp.json").write_bytes(
        (stolen / "public" / "metadata" / "timestamp.json").read_bytes()
    )
    said = router.sync(status=2)
    assert "timestamp" in said


def test_a_root_key_that_was_lost_is_replaced(office: Office, router: Router) -> None:
    shown = office.centre.command("keys", "show")
    ids = re.findall(r"root: 2 of 3: (\S+), (\S+), (\S+)", shown)[0]
    wrong = office.centre.command("keys", "rotate", "root-2", "--output", str(office.folder / "p"), status=2)
    assert "--old-key: expected one of " in wrong
    full = re.findall(r"expected one of (\S+), (\S+), (\S+), found", wrong)[0]
    assert [each[:16] for each in full] == list(ids)
    file = office.propose("rotate", "root-2", "--old-key", full[1])
    office.sign(file, "root-1", "root-3")
    office.install(file)
    assert full[1][:16] not in office.centre.command("keys", "show")
    assert "stays active" in router.sync()


def test_a_channel_joins_later(office: Office, server: WebServer) -> None:
    file = office.propose("channel", "isp-b")
    assert "expected 2 signatures, found 1" in (office.sign(file, "targets-1") and office.install(file, status=2))
    office.sign(file, "targets-2")
    assert "channel-isp-b" in office.install(file)
    assert (office.folder / "centre/public/packs/isp-b.zst").exists()
    router = Router(
        office.folder / "b", mirrors=[server.url], channel="isp-b", root=str(office.folder / "centre/root.json")
    )
    assert "serial 0 stays active" in router.sync()


def test_root_and_targets_are_renewed(office: Office, router: Router) -> None:
    for what in ("root", "targets"):
        file = office.propose("renew", what)
        office.sign(file, f"{what}-1", f"{what}-2")
        assert f"{what}, version 2" in office.install(file)
    assert "stays active" in router.sync()


def test_what_is_no_key_and_no_proposal_is_said(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = office.propose("renew", "root")
    (tmp_path / "text").write_text("hello")
    for words, said in (
        ((file, "--key", str(tmp_path / "none")), "expected a private key, found none"),
        ((file, "--key", str(tmp_path / "text")), "expected an unencrypted private key in PEM format"),
        ((str(tmp_path / "none"), "--key", "x"), "expected a proposal, found none"),
        ((str(tmp_path / "text"), "--key", "x"), "expected a proposal, found something else"),
        ((str(office.folder / "centre/public/metadata/timestamp.json"), "--key", "x"), "found timestamp"),
    ):
        assert main(["coordinator", "keys", "sign", *words]) == 2
        assert said in capsys.readouterr().err
    wrong = office.centre.command("keys", "rotate", "king", "--output", str(tmp_path / "p"), status=2)
    assert "expected a role among root, targets, snapshot, timestamp" in wrong
