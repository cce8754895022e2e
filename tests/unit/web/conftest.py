import pytest

from safedns.config.model import Config
from tests.helpers.web import WebProcess, compile_list

LISTED = {
    "bet.example": "gambling",
    "sad.example": "self_harm_suicide",
    "phish.example": "phishing",
    "xn--bcher-kva.example": "gambling",
    "time.google.com": "gambling",
    "shop.example": "shopping",
}


@pytest.fixture(scope="module")
def blocklist(tmp_path_factory):
    return compile_list(tmp_path_factory.mktemp("lists") / "list.bin", LISTED, serial=41)


@pytest.fixture(scope="module")
def web(blocklist):
    """One process for a module's tests, which must not change what it serves."""
    with WebProcess(Config(contact=("tel:111",)), blocklist) as process:
        yield process


@pytest.fixture
def own_web(blocklist):
    """A process for one test, to be led, limited and ended."""
    with WebProcess(Config(), blocklist) as process:
        yield process
