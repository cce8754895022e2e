"""The audit chain: whatever is altered, removed, put in or swapped shows."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safedns.coordinator.audit import BEGINNING, append, plain, verify
from safedns.coordinator.schema import Head

Rows = list[tuple[dict, str]]
TEXT = st.text(max_size=20)


def chain(subjects: list[str]) -> tuple[Rows, Head]:
    head = Head(id=1, number=0, hash=BEGINNING)
    rows = []
    for number, subject in enumerate(subjects):
        record = append(head, 1000 + number, "vn", "lan", "list.create", subject, {"names": number, "ủ": [subject]})
        rows.append((plain(record), record.hash))
    return rows, head


@given(st.lists(TEXT, max_size=20))
def test_a_chain_that_nobody_touched_is_whole(subjects: list[str]) -> None:
    rows, head = chain(subjects)
    assert verify(rows) == (head.number, head.hash) == (len(subjects), head.hash)


@given(st.lists(TEXT, min_size=2, max_size=10), st.data())
def test_every_alteration_breaks_it(subjects: list[str], data: st.DataObject) -> None:
    rows, head = chain(subjects)
    which = data.draw(st.integers(0, len(rows) - 1))
    altered = copy.deepcopy(rows)
    how = data.draw(st.sampled_from(["field", "remove", "swap", "repeat", "hash"]))
    if how == "field":
        word = data.draw(st.sampled_from(sorted(altered[which][0])))
        altered[which][0][word] = "altered"
    elif how == "remove":
        del altered[which]
    elif how == "swap":
        other = (which + 1) % len(altered)
        altered[which], altered[other] = altered[other], altered[which]
    elif how == "repeat":
        altered.insert(which, altered[which])
    else:
        altered[which] = (altered[which][0], "f" * 64)
    try:
        end = verify(altered)
    except ValueError:
        return
    # Only the end can be cut off unseen by the rows; the head shows it.
    assert end != (head.number, head.hash)


def test_the_text_says_where() -> None:
    rows, _ = chain(["a", "b", "c"])
    rows[1][0]["person"] = "minh"
    with pytest.raises(ValueError, match="record 2: expected the hash"):
        verify(rows)
    del rows[1]
    with pytest.raises(ValueError, match="expected record 2 after record 1, found record 3"):
        verify(rows)
