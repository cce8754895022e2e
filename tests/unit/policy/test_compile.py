import json
import tempfile
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safedns import _native
from safedns.blocklist.categories import BY_ID, CATEGORIES, Authority
from safedns.config.model import Answer, Config, Special
from safedns.config.words import BLOCKABLE, GROUPS, SPECIAL_NAMES
from safedns.policy.compile import compile_policy, rules, special, structured_error
from safedns.policy.model import AnswerMode


def blocklist(**names: str) -> _native.Blocklist:
    builder = _native.Builder([(1 << number, 0, False) for number in range(64)])
    for word, text in names.items():
        assert builder.add(text.encode(), BY_ID[word].number) == []
    with tempfile.NamedTemporaryFile() as file:
        builder.write(file.fileno())
        return _native.Blocklist.load(file.name)


def blocked(config: Config) -> list[str]:
    return [rule.category.id for rule in rules(config)]


def test_the_default_blocks_what_harms() -> None:
    expected = [*GROUPS["illegal"], *GROUPS["security"], *GROUPS["adult"], *GROUPS["harm"], "gambling"]
    expected.remove("sex_education")
    assert blocked(Config()) == expected


def test_a_category_that_its_group_leaves_open_can_be_named() -> None:
    assert "sex_education" in blocked(Config(block=("adult", "sex_education")))
    assert blocked(Config(block=("sex_education",))) == ["sex_education"]


@given(st.lists(st.sampled_from(sorted(BLOCKABLE)), unique=True))
def test_the_strongest_rule_stands_first_whatever_the_order(block: list[str]) -> None:
    found = blocked(Config(block=tuple(block)))
    assert found == [category.id for category in CATEGORIES if category.id in found]
    assert set(found) >= set(block) - set(GROUPS)
    assert not set(found) & set(GROUPS["good"])


@pytest.mark.parametrize(
    ("modes", "word", "mode"),
    [
        ({}, "gambling", AnswerMode.SINKHOLE),
        ({}, "ads_trackers", AnswerMode.NULL),
        ({"money": "refused"}, "gambling", AnswerMode.REFUSED),
        ({"money": "refused", "gambling": "nxdomain"}, "gambling", AnswerMode.NXDOMAIN),
        ({"other": "sinkhole"}, "ads_trackers", AnswerMode.SINKHOLE),
    ],
)
def test_modes(modes: dict[str, str], word: str, mode: AnswerMode) -> None:
    config = Config(block=(word,), answer=Answer(modes=MappingProxyType(modes)))
    assert [rule.mode for rule in rules(config)] == [mode]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("malware", '{"c":["tel:111"],"j":"Bị chặn: Phần mềm độc hại","s":1,"o":"SafeDNS","l":"vi"}'),
        ("phishing", '{"c":["tel:111"],"j":"Bị chặn: Lừa đảo giả mạo","s":2,"o":"SafeDNS","l":"vi"}'),
        ("ddos", '{"c":["tel:111"],"j":"Bị chặn: Tấn công từ chối dịch vụ","s":5,"o":"SafeDNS","l":"vi"}'),
        ("gambling", '{"c":["tel:111"],"j":"Bị chặn: Cờ bạc, cá cược","o":"SafeDNS","l":"vi"}'),
    ],
)
def test_structured_errors(word: str, expected: str) -> None:
    assert structured_error(BY_ID[word], ["tel:111"]) == expected


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.id)
def test_structured_errors_follow_the_draft(category: object) -> None:
    found = json.loads(structured_error(category, []))
    assert set(found) <= {"j", "s", "o", "l"}  # c only with someone to ask
    assert {"j", "l"} <= set(found)  # "l" goes with "j" and "o"
    # "s" never goes with 16, and its values 5 and 6 only with 15.
    assert ("s" in found) == (category.authority is Authority.PROVIDER)
    assert found.get("s", 1) in {1, 2, 3, 4, 5, 6}


def test_rules_in_native_terms() -> None:
    (rule,) = rules(Config(block=("gambling",)))
    assert rule.native() == (23, 0, 17, "Blocked by SafeDNS: gambling", structured_error(BY_ID["gambling"], ()))


def test_special_names_can_be_forwarded_one_by_one() -> None:
    left = dict(special(Config(special=Special(forward=("home.arpa", "10.in-addr.arpa")))))
    assert set(SPECIAL_NAMES) - set(left) == {"home.arpa", "10.in-addr.arpa"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bet.example", ("category", 23, "bet.example")),
        ("WWW.bet.example.", ("category", 23, "bet.example")),
        ("bet.example.com", ("default", None, None)),
        ("ads.example", ("default", None, None)),
        ("gov.vn", ("protected", None, None)),
        ("mail.gov.vn", ("protected", None, None)),
        ("mybank.example", ("protected", None, None)),
        ("localhost", ("special", None, None)),
        ("x.localhost", ("special", None, None)),
        ("anything.test", ("special", None, None)),
        ("example.com", ("default", None, None)),
        ("_dns.resolver.arpa", ("special", None, None)),
        ("1.1.168.192.in-addr.arpa", ("special", None, None)),
        ("1.1.1.1.in-addr.arpa", ("default", None, None)),
        ("use-application-dns.net", ("special", None, None)),
        ("mask.icloud.com", ("special", None, None)),
        ("icloud.com", ("default", None, None)),
    ],
)
def test_the_compiled_policy_decides(name: str, expected: tuple[str, int | None, str | None]) -> None:
    names = blocklist(gambling="bet.example\ngov.vn\nmybank.example\nlocalhost", ads_trackers="ads.example")
    rule, category, entry = compile_policy(Config(protected=("mybank.example",))).decide(name, names)
    assert (rule, category, entry if rule == "category" else None) == expected


def test_forwarded_special_names_are_like_any_other() -> None:
    policy = compile_policy(Config(special=Special(forward=("home.arpa",))))
    assert policy.decide("nas.home.arpa", None)[0] == "default"
    assert compile_policy(Config()).decide("nas.home.arpa", None)[0] == "special"


@settings(max_examples=50)
@given(st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=5, unique=True))
def test_a_name_in_several_categories_is_blocked_by_the_strongest(categories: list) -> None:
    names = blocklist(**{category.id: "x.example" for category in categories})
    config = Config(block=tuple(sorted(BLOCKABLE)))
    strongest = next((c.number for c in CATEGORIES if c in categories and c.blockable), None)
    assert compile_policy(config).decide("x.example", names)[1] == strongest
