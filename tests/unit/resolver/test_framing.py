from hypothesis import given
from hypothesis import strategies as st

from safedns.resolver.framing import Frames, frame

MESSAGES = st.lists(st.binary(max_size=300), max_size=20)


def cut(chunks):
    frames, found = Frames(), []
    for chunk in chunks:
        frames.feed(chunk)
        while (message := frames.next_message()) is not None:
            found.append(message)
    return found, len(frames)


@given(MESSAGES)
def test_a_whole_stream_gives_its_messages(messages):
    assert cut([b"".join(map(frame, messages))]) == (messages, 0)


@given(MESSAGES)
def test_a_stream_byte_by_byte_gives_its_messages(messages):
    stream = b"".join(map(frame, messages))
    assert cut(stream[i : i + 1] for i in range(len(stream))) == (messages, 0)


@given(MESSAGES, st.binary(min_size=1, max_size=50))
def test_what_follows_the_last_whole_message_is_kept(messages, rest):
    stream = b"".join(map(frame, messages)) + frame(rest)[:-1]
    assert cut([stream]) == (messages, len(rest) + 1)


def test_the_longest_message():
    longest = bytes(65535)
    assert cut([frame(longest)]) == ([longest], 0)
