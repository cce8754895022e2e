from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from safedns import _native
from safedns.blocklist import guard
from safedns.blocklist.categories import BY_ID
from safedns.blocklist.guard import Override, Rules, SourceChange
from safedns.blocklist.guard_verdict import Kind, Refusal, Verdict
from safedns.blocklist.protected import read_protected
from safedns.cli.main import main
from safedns.errors import BlocklistError

FOLDER = Path(__file__).parents[3] / "blocklists"
RULES = Rules(protected=read_protected(str(FOLDER / "protected.txt")))
ORDINARY = "casino.example\nbet.example.com\nslots.example.vn\nbet.com.vn\npoker.github.io\n"


@pytest.fixture
def compiled(tmp_path: Path):
    made = iter(range(100))

    def build(**lists: str) -> _native.Blocklist:
        output = tmp_path / f"{next(made)}.bin"
        sources = []
        for word, text in lists.items():
            path = output.with_suffix(f".{word}.txt")
            path.write_text(text)
            sources.append(f"{word}={path}")
        assert main(["blocklist", "compile", "--output", str(output), *sources]) == 0
        return _native.Blocklist.load(str(output))

    return build


def many(count: int, word: str = "n") -> str:
    return "".join(f"{word}{number}.example\n" for number in range(count))


def check(new: _native.Blocklist, old: _native.Blocklist | None, rules: Rules) -> Verdict:
    """The guard's verdict; a router comes to the same refusals by a shorter way."""
    verdict = guard.check(new, old, rules)
    assert guard.refusals(new, old, rules) == verdict.refusals
    return verdict


def only(verdict: Verdict) -> Refusal:
    assert len(verdict.refusals) == 1, verdict.refusals
    return verdict.refusals[0]


def test_the_widest_entry_is_named_though_a_narrower_one_says_something_harmless(compiled) -> None:
    verdict = check(compiled(gambling="com.vn\n", gov="vietcombank.com.vn\n"), None, RULES)
    assert only(verdict).entry == "com.vn"


def test_an_ordinary_list_passes(compiled) -> None:
    verdict = check(compiled(gambling=ORDINARY), None, RULES)
    assert verdict.refusals == ()
    assert next(verdict.lines()).startswith("PASSED: ")
    assert (verdict.names, verdict.blocked, verdict.by_category) == ((None, 5), 5, {"gambling": 5})


@pytest.mark.parametrize(
    ("entry", "kind", "problem", "action"),
    [
        ("google.com", Kind.PROTECTED, "it would block google.com (search, mail, documents)", "add google.com to"),
        ("com.vn", Kind.SUFFIX, "it would block com.vn (a public suffix, so every site below it) and ", "add com.vn"),
        ("gov.vn", Kind.SUFFIX, "it would block gov.vn (a public suffix, so every site below it)", "add gov.vn to"),
        ("moh.gov.vn", Kind.PROTECTED, "it would block moh.gov.vn (below gov.vn: government, ", "add moh.gov.vn"),
        ("windowsupdate.com", Kind.PROTECTED, "it would block windowsupdate.com (updates of Windows)", "add windowsup"),
        (
            "ctldl.windowsupdate.com",
            Kind.PROTECTED,
            "it would block ctldl.windowsupdate.com (below windowsupdate.com: updates of Windows)",
            "add ctldl.windowsupdate.com to allow:",
        ),
        # The parent of a protected name, itself neither protected nor a suffix.
        ("nintendo.net", Kind.PROTECTED, "it would block ctest.cdn.nintendo.net (connectivity", "add nintendo.net"),
        ("xxx", Kind.TOP_LEVEL, "it would block every site that ends in .xxx", "fix the source, or add xxx to allow:"),
        ("notregistered", Kind.TOP_LEVEL, "it would block every site that ends in .notregistered", "fix the source"),
        ("github.io", Kind.SUFFIX, "it would block github.io (a private public suffix", "fix the source, or add"),
        ("anything.ck", Kind.SUFFIX, "it would block anything.ck (a public suffix", "add anything.ck to allow:"),
        ("kobe.jp", Kind.SUFFIX, "it would block kobe.jp (a public suffix", "add kobe.jp to allow:"),
        ("x.kobe.jp", Kind.SUFFIX, "it would block x.kobe.jp (a public suffix", "add x.kobe.jp to allow:"),
        ("x.otap.co", Kind.SUFFIX, "it would block x.otap.co (a private public suffix", "fix the source"),
        ("xn--55qx5d.cn", Kind.SUFFIX, "it would block xn--55qx5d.cn (公司.cn) (a public", "add xn--55qx5d.cn to"),
    ],
)  # fmt: skip
def test_what_would_break_the_internet_is_stopped_with_a_sentence(
    compiled, entry: str, kind: Kind, problem: str, action: str
) -> None:
    verdict = check(compiled(gambling=f"{ORDINARY}{entry}\n"), None, RULES)
    refusal = verdict.refusals[0]
    assert not verdict.passed
    assert (refusal.kind, refusal.entry) == (kind, entry)
    assert refusal.problem.startswith(problem)
    assert refusal.action.startswith(action)
    assert "with a reason in the build configuration" in refusal.sentence
    assert next(verdict.lines()).startswith(f"REFUSED: {problem}")


@pytest.mark.parametrize("entry", ["www.ck", "city.kobe.jp", "bet.www.ck", "mail.example.google.com"])
def test_exceptions_of_the_suffix_list_and_names_below_a_name_that_protects_itself_only(compiled, entry: str) -> None:
    assert check(compiled(gambling=f"{ORDINARY}{entry}\n"), None, RULES).passed


def test_an_exception_frees_a_name(compiled) -> None:
    wide = "".join(f"||{name}^\n" for name in ("google.com", "com.vn", "windowsupdate.com", "bet.example"))
    assert len(check(compiled(gambling=wide), None, RULES).refusals) == 3
    freed = "".join(f"@@||{name}^\n" for name in ("google.com", "com.vn", "windowsupdate.com"))
    assert check(compiled(gambling=wide + freed), None, RULES).passed


def test_one_entry_is_one_refusal_for_the_worst_that_it_does(compiled) -> None:
    refusal = only(check(compiled(gambling="vn\n"), None, RULES))
    assert (refusal.kind, refusal.entry) == (Kind.TOP_LEVEL, "vn")
    assert "more names that must stay" in refusal.problem


def test_names_in_good_categories_are_not_blocked(compiled) -> None:
    verdict = check(compiled(education="google.com\nedu.vn\ngov.vn\nvn\n", gambling=ORDINARY), None, RULES)
    assert verdict.passed
    assert (verdict.names, verdict.blocked) == ((None, 5), 5)


@pytest.mark.parametrize("name", ["xxx", "github.io", "x.otap.co"])
def test_an_override_needs_a_reason(compiled, name: str) -> None:
    new = compiled(porn=f"{name}\n")
    assert check(new, None, Rules(overrides=(Override(name, "decided by the board"),))).passed
    verdict = check(new, None, Rules(overrides=(Override(name, "  "),)))
    assert [each.kind for each in verdict.refusals][-1] is Kind.OVERRIDE
    assert len(verdict.refusals) == 2
    assert verdict.refusals[-1].problem == f"the override of {name} gives no reason"


@pytest.mark.parametrize("name", ["google.com", "gov.vn", "com.vn", "x.ck"])
def test_protected_names_and_suffixes_of_registries_have_no_override(compiled, name: str) -> None:
    rules = Rules(protected=RULES.protected, overrides=(Override(name, "because"),))
    assert not check(compiled(porn=f"{name}\n"), None, rules).passed


@pytest.mark.parametrize("text", ["1,search.example\n2,casino.example\n", "# top\nsearch.example\n\ncasino.example\n"])
def test_a_popular_name_needs_an_override_with_a_reason(compiled, tmp_path: Path, text: str) -> None:
    (tmp_path / "top").write_text(text)
    new = compiled(gambling=ORDINARY)
    rules = Rules(popularity=str(tmp_path / "top"))
    verdict = check(new, None, rules)
    refusal = only(verdict)
    assert refusal.sentence == (
        "it would block casino.example (number 2 of the popular names): add casino.example to allow: with a reason in "
        "the build configuration, or fix the source; if it is meant, add it to guard: overrides: with a reason"
    )
    assert (verdict.news[0].name, verdict.news[0].rank) == ("casino.example", 2)
    meant = Rules(popularity=str(tmp_path / "top"), overrides=(Override("casino.example", "it is a casino"),))
    assert check(new, None, meant).passed
    assert check(new, new, rules).passed  # it is blocked already
    assert check(new, None, Rules(popularity=str(tmp_path / "top"), popular=1)).passed  # it is not among the first


@pytest.mark.parametrize("line", ["not a name", "1;a.example", "x,a.example", "rank,domain", "a" * 600])
def test_a_popularity_list_with_a_line_that_is_none_is_an_error(compiled, tmp_path: Path, line: str) -> None:
    (tmp_path / "top").write_text(f"a.example\n{line}\n")
    with pytest.raises(BlocklistError, match=r"top:2: expected a name such as 'example.com' or a rank and a name"):
        check(compiled(gambling=ORDINARY), None, Rules(popularity=str(tmp_path / "top")))
    with pytest.raises(BlocklistError, match=r"none: expected a list of popular names"):
        check(compiled(gambling=ORDINARY), None, Rules(popularity=str(tmp_path / "none")))


def test_300_000_sudden_names(compiled) -> None:
    old = compiled(gambling=many(20_000))
    new = compiled(gambling=many(320_000))
    verdict = check(new, old, RULES)
    assert only(verdict).sentence == (
        "it would grow from 20,000 to 320,000 names (+1500.0 %), the limit is 20 %: find the source that jumped and "
        "fix or disable it; if all of it is meant, build with --bulk"
    )
    assert (verdict.blocked, verdict.freed, verdict.by_category) == (300_000, 0, {"gambling": 300_000})
    assert verdict.news[0].name == "n20000.example"
    assert check(new, old, Rules(bulk=True)).passed
    assert check(new, old, Rules(growth=15)).passed
    assert check(new, None, RULES).passed


def test_nine_in_ten_gone(compiled) -> None:
    old, new = compiled(gambling=many(20_000)), compiled(gambling=many(2000))
    verdict = check(new, old, RULES)
    assert only(verdict).sentence == (
        "it would shrink from 20,000 to 2,000 names (-90.0 %), the limit is 20 %: find the source that is cut short or "
        "gone and fetch it again; if it is meant, build with --bulk"
    )
    assert (verdict.blocked, verdict.freed) == (0, 18_000)
    assert check(new, old, Rules(bulk=True)).passed


def test_a_small_list_may_change_but_not_vanish(compiled) -> None:
    small, larger = compiled(gambling=many(10)), compiled(gambling=many(500))
    assert check(larger, small, RULES).passed
    assert check(small, larger, RULES).passed
    assert only(check(compiled(education="a.example\n"), larger, RULES)).kind is Kind.SHRINKAGE


def test_bulk_waives_the_size_and_nothing_else(compiled) -> None:
    old, new = compiled(gambling=many(2000)), compiled(gambling=f"{many(20_000)}gov.vn\n")
    change = SourceChange("ut1-gambling", 2000, 20_001)
    verdict = check(new, old, Rules(bulk=True, sources=(change,)))
    assert [each.kind for each in verdict.refusals] == [Kind.SUFFIX, Kind.SOURCE]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            SourceChange("one", 10_000, 16_000),
            "the source one would go from 10,000 to 16,000 names (+60.0 %), the limit",
        ),
        (SourceChange("one", 10_000, 3000), "the source one would go from 10,000 to 3,000 names (-70.0 %), the limit"),
        (SourceChange("one", 500, 0), "the source one would go from 500 to 0 names (-100.0 %), the limit is 50 %"),
        (
            SourceChange("one", 10_000, 10_000, changed=19_000),
            "the source one would go 19,000 of its names flip, from 10,000 to 10,000 names (+0.0 %), the limit is 50 %",
        ),
        (SourceChange("one", 10_000, 14_000), None),
        (SourceChange("one", 500, 1200), None),
        (SourceChange("one", 0, 300_000), None),
    ],
)
def test_a_source_that_flips(compiled, change: SourceChange, problem: str | None) -> None:
    same = compiled(gambling=ORDINARY)
    verdict = check(same, same, Rules(sources=(change,)))
    if problem is None:
        assert verdict.passed
    else:
        refusal = only(verdict)
        assert (refusal.kind, refusal.subject) == (Kind.SOURCE, "one")
        assert refusal.problem.startswith(problem)
        assert "raise guard: source:" in refusal.action


def test_the_news_come_in_the_order_in_which_people_would_notice(compiled, tmp_path: Path) -> None:
    (tmp_path / "top").write_text("www.known.example\nold.example\n")
    old = compiled(gambling="old.example\ngone.example\n")
    new = compiled(gambling=f"old.example\nknown.example\n{many(30)}a.b.c.example\n", malware="n1.example\n")
    verdict = check(new, old, Rules(popularity=str(tmp_path / "top")))
    assert only(verdict).problem == (
        "it would block www.known.example (number 1 of the popular names) through its entry known.example"
    )
    assert [each.name for each in verdict.news] == ["www.known.example", *(f"n{n}.example" for n in range(9))]
    assert verdict.news[2].categories == ("malware", "gambling")
    assert (verdict.blocked, verdict.freed) == (32, 1)
    assert verdict.by_category == {"gambling": 32, "malware": 1}
    lines = list(verdict.lines())
    assert lines[1] == "from 2 to 34 names; newly blocked 32, no longer 1"
    assert lines[2] == "newly blocked: gambling 32, malware 1"
    assert lines[3] == "  www.known.example  gambling  rank 1"
    assert lines[13] == "  and 22 more that fewer people would notice"
    assert lines[-1].startswith("  * it would block www.known.example")


def test_many_refusals_are_cut_for_people_and_whole_for_programs(compiled) -> None:
    verdict = check(compiled(gambling="".join(f"m{number}.gov.vn\n" for number in range(25))), None, RULES)
    assert len(verdict.refusals) == len(verdict.plain()["refusals"]) == 25
    lines = list(verdict.lines())
    assert lines[0].endswith("(and 24 more).")
    assert lines[-1] == "  and 15 more; --json has all"


def test_memory_does_not_grow_with_the_list(compiled) -> None:
    small, large = compiled(gambling=many(10)), compiled(gambling=many(200_000))
    check(large, None, RULES)  # what is cached
    peaks = []
    for each in (small, large):
        tracemalloc.start()
        check(each, None, RULES)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 4 * 2**20


def test_the_mask_holds_what_can_be_blocked() -> None:
    for category in BY_ID.values():
        assert bool(guard.BLOCKABLE >> category.number & 1) == category.blockable


def test_names_in_other_scripts_are_shown_as_people_read_them(compiled) -> None:
    verdict = check(compiled(gambling="xn--p1ai\nxn--bt-g6s.example\n"), None, RULES)
    assert only(verdict).problem.startswith("it would block every site that ends in .xn--p1ai (рф)")
    assert any("xn--bt-g6s.example (bật.example)" in line for line in verdict.lines())
