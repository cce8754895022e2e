"""One coordinator for each database, with a coordinating body and two ISPs; tests make their own lists and channels."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.helpers.backends import Nats, Postgres
from tests.helpers.coordinator import Coordinator, Person

if TYPE_CHECKING:
    from pathlib import Path


class Country:
    """A coordinator that runs, and those who work with it.

    Attributes:
        ministry: the coordinating body's administrator, operator and reviewer.
        isp: the same of an ISP, `viet`.
        other: the same of another ISP, `nam`.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator
        self.url = coordinator.urls[0]
        self.ministry = self._people("ministry", coordinator.administrator)
        self.isp = self._tenant("viet")
        self.other = self._tenant("nam")
        self._numbers = itertools.count(1)

    def _tenant(self, name: str) -> dict[str, Person]:
        administrator = self.ministry["administrator"]
        administrator("tenant-add", name)
        token = administrator("token-add", f"{name}-administrator", "administrator", "--tenant", name).strip()
        return self._people(name, Person(self.coordinator.people, f"{name}-administrator", self.url, token))

    def _people(self, name: str, administrator: Person) -> dict[str, Person]:
        roles = ("operator", "reviewer", "auditor", "read-only")
        given = {
            role: Person(
                self.coordinator.people, f"{name}-{role}", self.url,
                administrator.give(f"{name}-{role}", role),
            )
            for role in roles
        }  # fmt: skip
        return {"administrator": administrator} | given

    def word(self, prefix: str) -> str:
        """A name that nothing has yet."""
        return f"{prefix}-{next(self._numbers)}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres") / "server")
    yield server
    server.close()


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    server = Nats(tmp_path_factory.mktemp("nats"))
    yield server
    server.close()


CHANNELS = [f"line-{number}" for number in range(1, 65)]
"""Channels that have keys from the beginning; each test takes some."""


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def country(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    words: dict[str, str] = {}
    if request.param == "postgres":
        words = {
            "database": request.getfixturevalue("postgres").database(),
            "nats": request.getfixturevalue("nats").url,
        }
    coordinator = Coordinator(folder / "centre", *CHANNELS, **words)
    with coordinator:
        made = Country(coordinator)
        made.lines = iter(CHANNELS)
        yield made
