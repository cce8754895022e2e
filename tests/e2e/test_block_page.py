"""What a person sees: the real program, a real browser, a name that resolves to the block page."""

import socket
import time
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from safedns.web.texts import TEXTS
from tests.helpers.service import Service, free_port, write_list

CHROMIUM = Path("/usr/bin/chromium")
CONTACT = ["tel:111;phone-context=+84", "mailto:help@provider.example"]
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
LOCALES = {"vi": "vi-VN", "en": "en-US"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
]

# Contrast of every text against what is behind it, as WCAG 2.2 defines it (relative luminance, section 1.4.3).
CONTRASTS = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = color => color.match(/[\\d.]+/g).map(Number);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = [...document.body.querySelectorAll('*')].filter(
    element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return texts.map(element => {
    const pair = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))];
    return [element.outerHTML.slice(0, 80), (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
  });
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    file = folder / "list.bin"
    write_list(file, ["casino.example", "xn--bcher-kva.example"], serial=41)
    web = {"listen": [f"127.0.0.1:{free_port()}"], "tls": [f"127.0.0.1:{free_port()}"]}
    with Service(folder, blocklist={"file": str(file)}, web=web, contact=CONTACT) as running:
        yield running


@pytest.fixture(scope="module")
def browser(service):
    """A browser for which every name has the address that the resolver gives for blocked names."""
    assert socket.inet_aton("127.0.0.1") in service.ask("casino.example")
    web = service.config["web"]
    rules = f"MAP *:80 {web['listen'][0]}, MAP *:443 {web['tls'][0]}"
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", f"--host-resolver-rules={rules}"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


def open_page(browser, size="phone", language="vi", scheme="light", **options):
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale=LOCALES[language], color_scheme=scheme, **options
    )
    return context.new_page()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_block_page_is_readable(browser, tmp_path, size, language, scheme):
    texts = TEXTS[language]
    page = open_page(browser, size, language, scheme)
    problems = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    response = page.goto("http://www.casino.example/some/page?x=1")

    assert response is not None
    assert response.status == 403
    assert page.title() == f"{texts.page['blocked.title']} · SafeDNS"
    assert page.locator("h1").inner_text() == texts.page["blocked.title"]
    shown = page.locator("main").inner_text()
    for text in (
        "www.casino.example",
        texts.categories["gambling"],
        texts.descriptions["gambling"],
        texts.rules["category"],
        texts.authorities["household"],
        texts.page["facts.serial"].format(serial=41),
        texts.helplines["111"],
        "help@provider.example",
    ):
        assert text in shown
    # The status is the only thing that the browser has to complain about: no script, font or style was refused.
    assert [problem for problem in problems if "403" not in problem] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "scrolls sideways"
    assert [item for item in page.evaluate(CONTRASTS) if item[1] < 4.5] == []
    picture = page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert len(picture) > 10_000


def test_one_request_and_nothing_stored(browser):
    page = open_page(browser)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("http://casino.example/")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith("data:")] == ["http://casino.example/"]
    assert page.context.cookies() == []


def test_way_from_the_block_page_to_the_look_up_page(browser):
    page = open_page(browser, java_script_enabled=False)
    page.goto("http://casino.example/")
    page.get_by_role("link", name="English").click()
    assert page.locator("h1").inner_text() == TEXTS["en"].page["blocked.title"]
    page.get_by_role("link", name=TEXTS["en"].page["next.lookup"]).click()
    field = page.get_by_label(TEXTS["en"].page["lookup.label"])
    assert field.input_value() == "casino.example"
    assert page.locator(".badge").inner_text() == TEXTS["en"].page["lookup.blocked"]

    field.fill("https://www.free.example/path")
    page.get_by_role("button", name=TEXTS["en"].page["lookup.button"]).click()
    assert page.locator(".badge").inner_text() == TEXTS["en"].page["lookup.open"]
    assert page.locator(".site").inner_text() == "www.free.example"


@pytest.mark.parametrize("name", ["casino.example", "xn--bcher-kva.example", "free.example"])
def test_long_and_foreign_names_fit_a_phone(browser, name):
    page = open_page(browser)
    page.goto(f"http://{'a' * 63}.{'b-' * 31}c.{name}/")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_https_fails_at_once_and_not_after_a_timeout(browser):
    page = open_page(browser)
    page.goto("http://casino.example/")
    times = []
    for number in range(5):
        started = time.monotonic()
        with pytest.raises(Error, match="ERR_SSL_PROTOCOL_ERROR"):
            page.goto(f"https://n{number}.casino.example/")
        times.append(time.monotonic() - started)
    assert sorted(times)[2] < 0.5, times
