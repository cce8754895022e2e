import pytest
from publicsuffixlist import PublicSuffixList

from safedns.blocklist.suffixes import parse, public_suffixes

TEXT = """\
// ===BEGIN ICANN DOMAINS===
vn
com.vn   // a comment
*.ck
!www.ck

公司.cn
// ===END ICANN DOMAINS===
// ===BEGIN PRIVATE DOMAINS===
github.io
*.otap.co
// ===END PRIVATE DOMAINS===
"""


def test_rules_of_each_kind() -> None:
    found = parse(TEXT)
    assert found.names == {
        "vn": False, "com.vn": False, "ck": False, "xn--55qx5d.cn": False, "github.io": True, "otap.co": True
    }  # fmt: skip
    assert found.wildcards == {"ck": False, "otap.co": True}
    assert found.exceptions == {"www.ck"}


def test_the_package_agrees_on_every_suffix() -> None:
    judge = PublicSuffixList(accept_unknown=False)
    registries = PublicSuffixList(accept_unknown=False, only_icann=True)
    found = public_suffixes()
    assert len(found.names) > 9000
    for name, private in found.names.items():
        assert judge.is_public(name), name
        assert registries.is_public(name) or private, name
    for name in found.wildcards:
        assert judge.is_public(f"anything.{name}"), name
    for name in found.exceptions:
        assert not judge.is_public(name), name


@pytest.mark.parametrize("name", ["com", "vn", "com.vn", "gov.vn", "co.uk", "xn--p1ai"])
def test_suffixes_of_registries_are_not_private(name: str) -> None:
    assert public_suffixes().names[name] is False
