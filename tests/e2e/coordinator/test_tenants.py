"""One tenant sees and touches nothing of another's: every route is tried with the other's names and numbers."""

import json
from typing import Any

import pytest

from tests.e2e.coordinator.conftest import Country
from tests.helpers.coordinator import Person, Router, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

BODIES: dict[str, Any] = {
    "/v1/lists/{name}/changes": {"reason": "x", "items": [{"name": "a.example", "reason": "x"}]},
    "/v1/channels/{channel}/lists": {"lists": []},
    "/v1/channels/{channel}/releases": {"reason": "x"},
    "/v1/channels/{channel}/releases/{serial}/republish": {"reason": "x"},
    "/v1/channels/{channel}/releases/{serial}/pause": {"reason": "x"},
    "/v1/channels/{channel}/releases/{serial}/abort": {"reason": "x"},
    "/v1/devices/{device_id}/channel": {"channel": "any"},
}
QUERIES = {
    "/v1/lists/{name}/imports": "?reason=x",
    "/v1/channels/{channel}/releases/{serial}/diff": "?since=1",
}
FOR_ROUTERS = {"/v1/devices": "post", "/v1/devices/{device_id}/reports": "post", "/v1/events": "get"}
"""Asked without a person's token."""


class Belongings:
    """Something of each kind that belongs to the ISP `viet`."""

    def __init__(self, country: Country, router: Router) -> None:
        administrator, operator = country.isp["administrator"], country.isp["operator"]
        self.list, self.channel = country.word("viet-list"), country.word("viet-channel")
        operator("list-add", self.list, "--category", "gambling")
        self.change = operator.json("block", self.list, "secret-name.example", "--reason", "order")["id"]
        administrator("channel-add", self.channel, "--own-only")
        operator("channel-lists", self.channel, self.list)
        operator("publish", self.channel, "--reason", "x", status=2)
        token = administrator.json("enrolment-add", self.channel)
        self.enrolment = token["id"]
        router.enrol(token["token"])
        self.device = json.loads((router.state / "enrolment.json").read_text())["device"]
        self.token = administrator.json("tokens")[0]["id"]

    def path(self, template: str) -> str:
        """A route's path with what is `viet`'s."""
        return template.format(
            name=self.list, number=self.change, channel=self.channel, serial=1, device_id=self.device,
            enrolment_id=self.enrolment, token_id=self.token,
        )  # fmt: skip

    @property
    def words(self) -> list[str]:
        return [self.list, self.channel, self.enrolment, self.device, self.token, "secret-name", "viet-operator"]


def view(people: dict[str, Person]) -> list[Any]:
    """All that a tenant sees of itself."""
    paths = ("lists", "changes", "channels", "tokens", "enrolments", "devices", "fleet")
    return [people["administrator"].ask("GET", f"/v1/{path}") for path in paths]


def test_every_route_keeps_tenants_apart(country: Country, tmp_path) -> None:
    status, description = ask(country.url, "GET", "/openapi.json")
    assert status == 200
    theirs = Belongings(country, Router(tmp_path / "router"))
    before = view(country.isp)
    tried = 0
    for template, methods in description["paths"].items():
        for method in methods:
            if FOR_ROUTERS.get(template) == method:
                continue
            path = theirs.path(template) + QUERIES.get(template, "")
            own = "{" not in template
            if own and method != "get":
                continue
            for other in (country.other, country.ministry):
                for person in other.values():
                    status, found = person.ask(method.upper(), path, BODIES.get(template, {}))
                    tried += 1
                    if own:
                        text = json.dumps(found)
                        national = other is country.ministry and template in ("/v1/tenants", "/v1/audit")
                        assert national or not any(word in text for word in theirs.words), (template, text)
                    else:
                        assert status in (403, 404), (method, path, status, found)
    assert tried > 250
    assert view(country.isp) == before
    body = {"channel": theirs.channel, "url": country.url}
    assert country.other["administrator"].ask("POST", "/v1/enrolments", body)[0] == 404
    body = {"person": "spy", "role": "administrator", "tenant": "viet"}
    assert country.other["administrator"].ask("POST", "/v1/tokens", body)[0] == 404
    assert country.ministry["administrator"].ask("POST", "/v1/tokens", body)[0] == 403
    assert country.other["operator"].ask("POST", "/v1/lists", {"name": "x", "category": "gambling", "national": True})[
        0
    ] == 403  # fmt: skip


def test_the_same_request_works_for_who_owns_it(country: Country, tmp_path) -> None:
    """The 404s above mean something only if the paths are right."""
    ours = Belongings(country, Router(tmp_path / "router"))
    people = country.isp
    for template in ("/v1/lists/{name}", "/v1/lists/{name}/entries", "/v1/changes/{number}",
                     "/v1/channels/{channel}/releases", "/v1/channels/{channel}/releases/{serial}"):  # fmt: skip
        assert people["read-only"].ask("GET", ours.path(template))[0] == 200
    body = {"channel": ours.channel}
    path = ours.path("/v1/devices/{device_id}/channel")
    assert people["administrator"].ask("PUT", path, body)[0] == 200
    assert people["administrator"].ask("DELETE", ours.path("/v1/devices/{device_id}"))[0] == 204
    assert people["administrator"].ask("DELETE", ours.path("/v1/enrolments/{enrolment_id}"))[0] == 204
    assert people["reviewer"].ask("POST", ours.path("/v1/changes/{number}/approve"), {})[0] == 200


def test_national_lists_are_in_the_channels_of_all_and_others_in_none(country: Country) -> None:
    national, own = country.word("national"), country.word("own")
    operator = country.ministry["operator"]
    operator("list-add", national, "--category", "gambling", "--national")
    operator("list-add", own, "--category", "gambling")
    channel = country.word("nam-channel")
    country.other["administrator"]("channel-add", channel)
    found = {row["name"]: row for row in country.other["operator"].json("channels")}[channel]
    assert national in found["national_lists"]
    assert own not in found["national_lists"]
    denied = country.other["operator"]("channel-lists", channel, national, status=2)
    assert f"there is no list {national}" in denied


def test_tokens_end(country: Country) -> None:
    administrator = country.other["administrator"]
    made = administrator.json("token-add", "guest", "read-only")
    assert "token" not in json.dumps([row for row in administrator.json("tokens") if row["id"] == made["id"]])
    person = Person(country.coordinator.people, "guest", country.url, made["token"])
    assert person.ask("GET", "/v1/lists")[0] == 200
    administrator("token-revoke", made["id"])
    status, found = person.ask("GET", "/v1/lists")
    assert (status, "no longer valid" in found["detail"]) == (401, True)
    for wrong in ("", "sdt_", made["token"][:-1], made["token"].replace("sdt_", "sdt-"), "Bearer", "a" * 5000):
        assert ask(country.url, "GET", "/v1/lists", token=wrong)[0] == 401
    assert administrator.ask("POST", "/v1/tokens", {"person": "x", "role": "king"})[0] == 422
    assert country.other["operator"].ask("POST", "/v1/tokens", {"person": "x", "role": "operator"})[0] == 403


@pytest.mark.parametrize("role", ["administrator", "operator", "reviewer", "auditor", "read-only"])
def test_roles_do_what_they_are_for(country: Country, role: str) -> None:
    person = country.other[role]
    allowed = {
        "administrator": {"tokens", "audit"}, "auditor": {"audit"}, "operator": {"lists"},
        "reviewer": set(), "read-only": set(),
    }[role]  # fmt: skip
    assert (person.ask("GET", "/v1/tokens")[0] == 200) is ("tokens" in allowed)
    assert (person.ask("GET", "/v1/audit")[0] == 200) is ("audit" in allowed)
    status = person.ask("POST", "/v1/lists", {"name": country.word("made"), "category": "gambling"})[0]
    assert status == (201 if "lists" in allowed else 403)
    assert person.ask("GET", "/v1/me")[1]["role"] == role


def test_a_token_that_is_over_is_none(country: Country) -> None:
    """The shortest token lasts a day, so the clock of the database's row is what is turned."""
    made = country.coordinator.command("token", "create", "short", "read-only", "--days", "1").strip()
    assert ask(country.url, "GET", "/v1/me", token=made)[0] == 200
    country.coordinator.command("token", "revoke", made.split("_")[1])
    until(lambda: ask(country.url, "GET", "/v1/me", token=made)[0] == 401)
