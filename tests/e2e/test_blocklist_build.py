"""From published lists to answers: the real files, served over HTTP, fetched, built, guarded, and served from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from safedns.blocklist.categories import BY_ID
from safedns.blocklist.categories import CATEGORIES as CATALOGUE
from tests.helpers.listserver import ListServer
from tests.helpers.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

DATA = Path(__file__).parents[3] / "shared" / "data" / "lists"
PROTECTED = Path(__file__).parents[2] / "blocklists" / "protected.txt"
ENVIRONMENT = os.environ | {"NO_PROXY": "*", "PYTHONUNBUFFERED": "1"}

SERVFAIL = 2

# Words that the files are called by and that are no categories: what of ours is nearest.
CATEGORIES = {
    "ads": "ads_trackers",
    "adult": "porn",
    "bank": "education",
    "chat": "chat_messengers",
    "nudity": "nudity_lingerie",
    "press": "education",
    "sect": "fakenews",
    "social": "social_networks",
    "sports": "live_streaming",
    "threat": "malware",
    "tiktok": "social_networks",
    "video": "video_streaming",
    "vpn": "vpn_proxy",
}
FORMATS = {".adblock": "adblock", ".hosts": "hosts", ".dnsmasq": "dnsmasq", ".txt": "plain"}


def run(*words: str, status: int = 0) -> str:
    """The program's output; its exit status must be this one."""
    done = subprocess.run(
        [sys.executable, "-m", "safedns", "blocklist", *words],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
        timeout=100,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def category(path: Path) -> str:
    word = path.name.partition(".")[0]
    return CATEGORIES.get(word, word)


def source(path: Path, server: ListServer) -> dict[str, object]:
    data = path.read_bytes()
    return {
        "id": path.name.replace(".", "-").replace("_", "-"),
        "url": server.serve(f"/{path.name}", data),
        "format": FORMATS[path.suffix],
        "licence": "as published",
        "homepage": "https://lists.safedns.example/",
        "category": category(path),
        "refresh": "1 d",
        "expected": data.count(b"\n"),
        "enabled": True,
    }


class Operator:
    """Somebody who fetches, builds, and answers the guard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "blocklist.sdns"
        self.config: dict = {"catalogue": "catalogue.yaml", "guard": {"protected": [str(PROTECTED)]}}

    def build(self, status: int = 0, **changes: object) -> dict:
        """What a build says; `changes` are of the configuration, for this time."""
        path = self.folder / "build.yaml"
        path.write_text(yaml.safe_dump(self.config | changes))
        return json.loads(run("build", "--config", str(path), "--output", str(self.output), "--json", status=status))

    def refused(self, names: str) -> list[dict]:
        """What the guard says to one more list; nothing may change."""
        before = {path: path.read_bytes() for path in self.folder.glob("blocklist.sdns*")}
        (self.folder / "more.txt").write_text(names)
        more = {"id": "more", "path": "more.txt", "category": "gambling"}
        refusals = self.build(1, lists=[more])["refusals"]
        assert {path: path.read_bytes() for path in self.folder.glob("blocklist.sdns*")} == before
        return refusals


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    if not DATA.is_dir():
        pytest.skip("the published lists are not here: ../shared/data/lists is missing")
    operator = Operator(tmp_path_factory.mktemp("lists"))
    server = ListServer()
    files = sorted(DATA.iterdir())
    catalogue = {"sources": [source(path, server) for path in files]}
    (operator.folder / "catalogue.yaml").write_text(yaml.safe_dump(catalogue))
    (operator.folder / "build.yaml").write_text(yaml.safe_dump(operator.config))
    fetched = json.loads(run("update", "--config", str(operator.folder / "build.yaml"), "--json"))
    server.close()
    assert [(each["outcome"], each["problem"]) for each in fetched] == [("new", "")] * len(files)
    # Public lists name some public suffixes. Each refusal names an entry, and to allow that entry is the answer.
    refusals = operator.build(1)["refusals"]
    assert not operator.output.exists()
    assert {"tochigi.jp", "sex.hu"} <= {each["entry"] for each in refusals}
    operator.config["allow"] = [{"name": each["entry"], "reason": each["problem"]} for each in refusals]
    operator.built = operator.build()
    return operator


def test_every_list_is_in_the_result(operator: Operator) -> None:
    built = operator.built
    assert built["guard"]["passed"]
    assert len(built["inputs"]) == len(list(DATA.iterdir()))
    assert min(each["names"] for each in built["inputs"]) > 0
    assert built["names"] > 600_000
    assert built["bytes_per_name"] < 9


def sample(path: Path) -> list[str]:
    """Up to ten names of a list."""
    names = [line.strip("|^").removeprefix("0.0.0.0 ").removeprefix("local=/").strip("/") for line in
             path.read_text().splitlines() if line and line[0] not in "#!@["]  # fmt: skip
    step = max(len(names) // 10, 1)
    return [name for name in names[::step] if not name.replace(".", "").isdigit()][:10]


def test_a_resolver_serves_it(operator: Operator, tmp_path: Path) -> None:
    allowed = {each["name"] for each in operator.config["allow"]}
    block = [category.id for category in CATALOGUE if category.blockable]
    # Nobody answers upstream: what is not blocked fails.
    with Service(tmp_path, blocklist={"file": str(operator.output)}, block=block) as service:

        def is_blocked(name: str) -> bool:
            return service.ask(name)[3] & 15 != SERVFAIL

        blocked = 0
        for path in DATA.iterdir():
            for name in sample(path):
                if BY_ID[category(path)].blockable and not any(f".{name}".endswith(f".{each}") for each in allowed):
                    assert is_blocked(name), (path.name, name)
                    assert is_blocked(f"below.{name}"), (path.name, name)
                    blocked += 1
        assert blocked > 300
        for name in ["www.google.com", "time.windows.com", "vietnamnet.vn", "moet.gov.vn", *allowed]:
            assert not is_blocked(name), name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("google.com", "it would block google.com (search, mail, documents)"),
        ("com.vn", "it would block com.vn (a public suffix, so every site below it)"),
        ("gov.vn", "it would block gov.vn (a public suffix, so every site below it)"),
        ("windowsupdate.com", "it would block windowsupdate.com ("),
    ],
)
def test_the_guard_stops_a_list_that_would_break_the_internet(operator: Operator, name: str, sentence: str) -> None:
    first, *others = operator.refused(f"bet.example\n{name}\n")
    assert not others
    assert first["problem"].startswith(sentence)
    assert first["action"].startswith(f"add {name} to allow: with a reason in the build configuration")


def test_the_guard_stops_300_000_sudden_names(operator: Operator) -> None:
    (first,) = operator.refused("".join(f"sudden{number}.example\n" for number in range(300_000)))
    names = operator.built["guard"]["names"]["new"]
    assert first["problem"].startswith(f"it would grow from {names:,} to {names + 300_000:,} names")
    assert "--bulk" in first["action"]
