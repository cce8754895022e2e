from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.config.build import build, from_json, place, to_json
from safedns.config.model import Answer, Config, to_plain
from safedns.config.units import Endpoint
from safedns.config.words import ANSWER_MODES, BLOCKABLE, GROUPS, NEVER_BLOCKED
from safedns.errors import ConfigError

CHANGED = {
    "workers": "auto",
    "user": "safedns",
    "listen": ["192.168.1.1:53"],
    "allow_clients": ["192.168.1.0/24"],
    "upstream": {"servers": ["9.9.9.9:53", "[2620:fe::fe]:5353"]},
    "cache": {"size": "1 MiB"},
    "udp_payload": "1400 B",
    "tcp": {"idle_timeout": "2500 ms", "message_timeout": "1 s", "connections": 7, "queries_in_flight": 3},
    "blocklist": {"file": "/var/lib/safedns/blocklist.bin"},
    "block": ["security", "games"],
    "answer": {
        "modes": {"ads_trackers": "nxdomain"},
        "ttl": "1 min",
        "sinkhole_ipv4": "192.168.1.1",
        "sinkhole_ipv6": "fd00::1",
    },
    "protected": ["bank.example"],
    "special": {"forward": ["home.arpa"]},
    "web": {"listen": ["192.168.1.1:80"], "tls": []},
    "contact": ["tel:111"],
    "coordinator": {
        "mirrors": ["https://lists.isp.example/public"],
        "channel": "isp-a",
        "root": "/etc/safedns/root.json",
        "state": "/var/lib/safedns/sync",
    },
    "log": {"level": "debug"},
}


def problems(plain: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(place(plain, "x"))
    return str(caught.value).splitlines()


def test_every_key_can_be_set_and_survives_json() -> None:
    config = build(place(CHANGED, "x"))
    assert to_plain(config) == CHANGED
    assert from_json(to_json(config)) == config
    defaults = to_plain(Config())
    assert {key for key in defaults if defaults[key] == CHANGED[key]} == set()
    assert config.listen == (Endpoint("192.168.1.1", 53),)
    assert config.tcp.idle_timeout == 2.5


def test_defaults_survive_json() -> None:
    assert from_json(to_json(Config())) == Config()
    assert build(place({}, "x")) == Config()


def test_a_section_without_keys_has_its_defaults() -> None:
    assert build(place({"cache": None, "answer": {"modes": None}}, "x")) == Config()


def test_equal_configurations_give_equal_json() -> None:
    modes = {"games": "refused", "forums": "nxdomain"}
    one = Config(answer=Answer(modes=MappingProxyType(modes)))
    other = Config(answer=Answer(modes=MappingProxyType(dict(reversed(modes.items())))))
    assert to_json(one) == to_json(other)


@given(
    st.lists(st.sampled_from(sorted(BLOCKABLE)), unique=True),
    st.dictionaries(st.sampled_from(sorted(BLOCKABLE)), st.sampled_from(ANSWER_MODES)),
    st.integers(1000, 3_600_000),
)
def test_any_choice_survives_json(block: list[str], modes: dict[str, str], ttl: int) -> None:
    config = Config(block=tuple(block), answer=Answer(modes=MappingProxyType(modes), ttl=ttl / 1000))
    assert from_json(to_json(config)) == config


def test_everything_wrong_is_said_at_once() -> None:
    found = problems({"workers": 0, "cache": {"sise": "1 MiB"}, "nothing": 1, "listen": [], "tcp": 5, "block": "games"})
    assert found == [
        "x: workers: expected 'auto' or a whole number from 1 to 256, found 0",
        "x: cache.sise: expected a known key, found 'sise' (did you mean 'size'?)",
        "x: nothing: expected a known key, found 'nothing' (keys: workers, user, listen, allow_clients, upstream, "
        "cache, udp_payload, tcp, blocklist, block, answer, protected, special, web, contact, coordinator, log)",
        "x: listen: expected a list, each item an IP address with port such as '192.168.1.1:53' or '[::1]:53', found "
        "an empty list (it must not be empty)",
        "x: tcp: expected keys and values, found 5",
        "x: block: expected a list, each item a category or group that can be blocked, found 'games'",
    ]


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (
            {"block": ["gamblin"]},
            "x: block[0]: expected a category or group that can be blocked, found 'gamblin' (did you",
        ),
        (
            {"block": ["games", "games"]},
            "x: block[1]: expected each value once, found 'games' (it stands here a second time)",
        ),
        (
            {"answer": {"modes": {"games": "page"}}},
            "x: answer.modes.games: expected one of sinkhole, nxdomain, null, refused",
        ),
        (
            {"answer": {"modes": {"gamse": "null"}}},
            "x: answer.modes.gamse: expected a category or group that can be blocked",
        ),
        ({"answer": {"modes": []}}, "x: answer.modes: expected one of sinkhole"),
        ({"special": {"forward": ["example.com"]}}, "x: special.forward[0]: expected a name with special treatment"),
        ({"upstream": {"servers": ["127.0.0.1"]}}, "x: upstream.servers[0]: expected another resolver than this one"),
        ({"web": {"listen": ["127.0.0.1:53"]}}, "x: web.listen[0]: expected an address and port of its own"),
        ({"web": {"tls": ["127.0.0.1:80"]}}, "x: web.tls[0]: expected an address and port of its own"),
        ({"cache": {"size": "1" + "0" * 200}}, "x: cache.size: expected a size"),
        ([], "x: expected keys and values, found an empty list"),
        ("text", "x: expected keys and values, found 'text'"),
    ],
)
def test_one_thing_wrong(plain: object, expected: str) -> None:
    (found,) = problems(plain)
    assert found.startswith(expected)
    assert len(found) < 300


def test_good_names_are_never_blocked() -> None:
    for word in (NEVER_BLOCKED, *GROUPS[NEVER_BLOCKED]):
        assert problems({"block": [word]})


def test_a_section_may_leave_out_any_key() -> None:
    for section in ("answer", "tcp", "web", "cache"):
        assert build(place({section: {}}, "x")) == Config()


def test_null_is_an_answer_mode() -> None:
    assert build(place({"answer": {"modes": {"games": None}}}, "x")).answer.modes == {"games": "null"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"workers": "many"}'])
def test_bad_json_is_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^configuration: "):
        from_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.sampled_from(sorted(CHANGED)) | st.text(), children),
)


@given(json_values)
def test_any_data_is_a_configuration_or_a_list_of_problems(plain: object) -> None:
    found = ""
    try:
        config = build(place(plain, "x"))
        assert from_json(to_json(config)) == config
    except ConfigError as error:
        found = str(error)
    assert all(line.startswith("x: ") for line in found.splitlines())
