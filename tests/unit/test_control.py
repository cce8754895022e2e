import os

import pytest

from safedns.control import Channel, Message, read_memory, write_memory


@pytest.fixture
def ends():
    ours, theirs = Channel.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_messages_arrive_one_by_one_and_in_order(ends):
    ours, theirs = ends
    ours.send("ping")
    ours.send("drain")
    assert [theirs.receive(), theirs.receive()] == [Message("ping"), Message("drain")]
    with pytest.raises(BlockingIOError):
        theirs.receive()


def test_a_descriptor_travels_with_its_message(ends):
    ours, theirs = ends
    text = "Cấu hình " * 100_000  # far more than a packet holds
    descriptor = write_memory(text)
    ours.send("config", descriptor)
    os.close(descriptor)
    message = theirs.receive()
    assert message.order == "config"
    assert message.descriptor is not None
    assert read_memory(message.descriptor) == text
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(message.descriptor)


def test_several_readers_of_one_memory_do_not_disturb_each_other():
    first = write_memory("text")
    second = os.dup(first)
    assert [read_memory(first), read_memory(second)] == ["text", "text"]


def test_the_end_of_the_other_is_seen(ends):
    ours, theirs = ends
    ours.send("ready")
    ours.close()
    assert theirs.receive() == Message("ready")
    assert theirs.receive() is None


def test_the_end_of_the_other_with_orders_unread_is_seen(ends):
    ours, theirs = ends
    ours.send("ping")
    theirs.close()
    assert ours.receive() is None
    with pytest.raises(BrokenPipeError):
        ours.send("ping")


def test_one_that_never_reads_does_not_block_the_other(ends):
    ours, _ = ends

    def send_for_ever():
        while True:
            ours.send("ping")

    with pytest.raises(BlockingIOError):
        send_for_ever()
