"""The pages as text; how they look is the end-to-end test's business."""

from html.parser import HTMLParser

import pytest

from safedns.blocklist.categories import CATEGORIES
from safedns.web import pages
from safedns.web.site import Site
from safedns.web.texts import TEXTS
from safedns.web.verdict import Verdict

VI, EN = TEXTS["vi"], TEXTS["en"]
SITE = Site("bet.example")
BY_ID = {category.id: category for category in CATEGORIES}
HELPLINE = "tel:111;phone-context=+84"


def blocked(category="gambling", site=SITE):
    return Verdict(site, "category", BY_ID[category], "example", 41)


class Outline(HTMLParser):
    """Checks that every element is closed, and collects links and elements' names."""

    VOID = frozenset({"meta", "link", "input", "path"})

    def __init__(self, page):
        super().__init__()
        self.open, self.links, self.names = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.links += [value for name, value in attributes if name in {"href", "src", "action"}]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.id)
def test_block_page_says_what_and_why(texts, category):
    verdict = Verdict(Site("www.bet.example"), "category", category, "bet.example", 41)
    page = pages.site_page(texts, verdict, (), None, 10)
    Outline(page)
    assert f'<html lang="{texts.language}">' in page
    assert "www.bet.example" in page
    assert texts.categories[category.id] in page
    assert texts.descriptions[category.id].replace("'", "&#39;") in page
    assert texts.rules["category"] in page
    assert texts.authorities[category.authority] in page
    assert texts.page["facts.serial"].format(serial=41) in page
    assert '<dd translate="no">bet.example</dd>' in page


def test_nothing_comes_from_elsewhere_and_nothing_runs():
    page = pages.site_page(VI, blocked(), (HELPLINE, "mailto:a@b.example"), "http://192.0.2.1/?name=bet.example", 10)
    outline = Outline(page)
    assert not {"script", "img", "iframe", "object"} & set(outline.names)
    assert outline.links == [
        "data:,",
        "tel:111",
        "mailto:a@b.example",
        "http://192.0.2.1/?name=bet.example&safedns-language=vi",
        "?name=bet.example&safedns-language=en",
    ]


def test_readable_name_stands_with_the_name():
    page = pages.site_page(VI, blocked(site=Site("xn--bcher-kva.example", "bücher.example")), (), None, 10)
    assert "bücher.example<small>xn--bcher-kva.example</small>" in page


def test_everything_is_escaped():
    evil = "<b>&\"'"
    page = pages.lookup_page(EN, evil, None, ("mailto:" + evil,), filtering=True)
    assert evil not in page
    Outline(page)
    page = pages.site_page(EN, blocked(site=Site(evil, evil)), ("mailto:" + evil,), "http://x/" + evil, 10)
    assert evil not in page
    Outline(page)


def test_helpline_is_for_people_in_need_and_not_for_appeals():
    page = pages.site_page(VI, blocked("self_harm_suicide"), (HELPLINE,), None, 10)
    assert VI.page["next.help"] in page
    assert VI.helplines["111"] in page
    assert VI.page["next.manager"] in page
    assert VI.page["next.mistake"] not in page


@pytest.mark.parametrize(
    ("uri", "contact"),
    [
        (HELPLINE, ("tel:111", "111", True)),
        ("tel:111", ("tel:111", "111", True)),
        ("tel:111;phone-context=+1", ("tel:111", "111", False)),
        ("tel:+84241234567", ("tel:+84241234567", "+84241234567", False)),
        ("mailto:a@b.example", ("mailto:a@b.example", "a@b.example", False)),
    ],
)
def test_contacts(uri, contact):
    found = pages.contacts((uri,), VI)
    (one,) = found.helplines + found.others
    assert (one.link, one.text, bool(found.helplines)) == contact


def test_site_that_is_not_blocked_says_when_to_come_back():
    page = pages.site_page(EN, Verdict(SITE, "default", None, None, 41), (), None, 30)
    assert EN.page["open.title"] in page
    assert "30 seconds" in page
    Outline(page)


def test_look_up_shows_the_problem_and_what_was_typed():
    page = pages.lookup_page(EN, "a b", None, (), filtering=True)
    assert EN.page["lookup.invalid"] in page
    assert 'value="a b"' in page
    assert EN.page["lookup.nolist"] not in page
    Outline(page)


def test_look_up_without_a_list_says_so():
    assert EN.page["lookup.nolist"] in pages.lookup_page(EN, "", None, (), filtering=False)


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (("192.168.1.1", 80), "http://192.168.1.1/?name=bet.example"),
        (("127.0.0.1", 8053), "http://127.0.0.1:8053/?name=bet.example"),
        (("2001:db8::1", 80), "http://[2001:db8::1]/?name=bet.example"),
        (("fe80::1%eth0", 80), None),
        (("/run/socket", None), None),
        (None, None),
    ],
)
def test_look_up_url(server, url):
    assert pages.lookup_url(server, SITE) == url


def test_json_without_a_verdict_has_the_same_keys():
    assert pages.describe(VI, None, (), None).keys() == pages.describe(VI, blocked(), (), None).keys()
