import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.web.languages import choose


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "vi"),
        ("vi", "vi"),
        ("vi-VN,vi;q=0.9,en-US;q=0.8,en;q=0.7", "vi"),
        ("en-US,en;q=0.9,vi;q=0.8", "en"),
        ("en-US,en;q=0.9", "en"),
        ("EN-gb", "en"),
        ("en;q=0.5, vi;q=0.5", "vi"),
        ("en;q=0.5,vi;q=0.4", "en"),
        ("en;q=0", "vi"),
        ("vi;q=0,en;q=0.1", "en"),
        ("fr,de;q=0.9", "vi"),
        ("fr,en;q=0.3", "en"),
        ("*", "vi"),
        ("en;q=0.2,*;q=0.1", "en"),
        # Nonsense counts as no wish.
        ("en;q=x", "vi"),
        ("en;q=2", "vi"),
        ("en;q=nan", "vi"),
        (";;;,,,q=1", "vi"),
        ("english", "vi"),
        ("x," * 10_000 + "en", "vi"),
    ],
)
def test_choice(header, language):
    assert choose(header).language == language


@given(st.text())
def test_any_header_gives_a_language(header):
    assert choose(header).language in {"vi", "en"}
