"""Questions over TCP to an upstream on the loopback that does as told."""

import asyncio
import contextlib

import pytest
import uvloop

from safedns.resolver import upstream
from safedns.resolver.framing import Frames, frame
from safedns.resolver.upstream import Exchanges

ONE, TWO, SAME_ID = b"\x11\x11 one", b"\x22\x22 two", b"\x11\x11 again"


class Upstream:
    """A server that gives each connection to `serve(number, queries, send)`: which connection, what comes, and how to
    answer; the connection ends with it."""

    def __init__(self, serve):
        self._serve = serve
        self.connections = 0
        self.received = []
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await asyncio.gather(*self._tasks)

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        with contextlib.suppress(ConnectionError):
            await self._serve(self.connections, self._queries(reader), lambda message: writer.write(frame(message)))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _queries(self, reader):
        frames = Frames()
        while data := await reader.read(4096):
            frames.feed(data)
            while (message := frames.next_message()) is not None:
                self.received.append(message)
                yield message


class Asker:
    def __init__(self):
        self.answers = {}
        self._came = asyncio.Event()
        self.exchanges = Exchanges(asyncio.get_running_loop(), self._done)

    def _done(self, number, message):
        assert number not in self.answers, "one answer for each question"
        self.answers[number] = message
        self._came.set()

    async def wait_for(self, count):
        while len(self.answers) < count:
            self._came.clear()
            await asyncio.wait_for(self._came.wait(), 5)
        return self.answers


def run(serve, script):
    async def main():
        async with Upstream(serve) as server:
            asker = Asker()
            try:
                await script(server, asker)
            finally:
                asker.exchanges.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def answer_all(_number, queries, send):
    async for query in queries:
        send(query[:2] + b" answer")


def test_a_question_is_answered():
    async def script(server, asker):
        asker.exchanges.start([(7, "127.0.0.1", server.port, ONE)])
        assert await asker.wait_for(1) == {7: b"\x11\x11 answer"}
        assert server.received == [ONE]

    run(answer_all, script)


def test_questions_share_a_connection_that_is_kept():
    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE), (2, "127.0.0.1", server.port, TWO)])
        await asker.wait_for(2)
        asker.exchanges.start([(3, "127.0.0.1", server.port, ONE)])
        await asker.wait_for(3)
        assert server.connections == 1

    run(answer_all, script)


def test_answers_may_come_in_another_order():
    async def serve(_number, queries, send):
        first = await anext(queries)
        second = await anext(queries)
        send(second + b"!")
        send(first + b"!")

    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE), (2, "127.0.0.1", server.port, TWO)])
        assert await asker.wait_for(2) == {1: ONE + b"!", 2: TWO + b"!"}

    run(serve, script)


def test_an_id_is_not_used_twice_on_a_connection_at_one_time():
    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE), (2, "127.0.0.1", server.port, SAME_ID)])
        await asker.wait_for(2)
        assert server.connections == 2

    run(answer_all, script)


def test_a_question_is_asked_again_when_the_connection_ends_before_its_answer():
    async def serve(number, queries, send):
        if number == 1:
            send(await anext(queries))
            await anext(queries)
        else:
            await answer_all(number, queries, send)

    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE), (2, "127.0.0.1", server.port, TWO)])
        assert await asker.wait_for(2) == {1: ONE, 2: b"\x22\x22 answer"}
        assert server.connections == 2

    run(serve, script)


def test_a_question_is_asked_again_once_and_no_more():
    async def serve(_number, queries, _send):
        await anext(queries)

    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        assert await asker.wait_for(1) == {1: None}
        assert server.received == [ONE, ONE]

    run(serve, script)


def test_a_connection_that_the_upstream_closed_while_idle_costs_nothing():
    async def serve(_number, queries, send):
        send(await anext(queries))

    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        await asker.wait_for(1)
        await asyncio.sleep(0.05)
        asker.exchanges.start([(2, "127.0.0.1", server.port, TWO)])
        assert await asker.wait_for(2) == {1: ONE, 2: TWO}

    run(serve, script)


def test_an_upstream_that_accepts_no_connection_is_told_at_once():
    async def script(server, asker):
        await server.__aexit__()
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        assert await asyncio.wait_for(asker.wait_for(1), 0.5) == {1: None}

    run(answer_all, script)


@pytest.fixture
def short_timeout(monkeypatch):
    monkeypatch.setattr(upstream, "EXCHANGE_TIMEOUT", 0.15)


async def answer_none(_number, queries, _send):
    async for _ in queries:
        pass


@pytest.mark.usefixtures("short_timeout")
def test_no_answer_is_told_in_time_and_the_next_question_takes_another_connection():
    async def script(server, asker):
        loop = asyncio.get_running_loop()
        start = loop.time()
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        assert await asker.wait_for(1) == {1: None}
        assert 0.1 < loop.time() - start < 0.5
        asker.exchanges.start([(2, "127.0.0.1", server.port, TWO)])
        await asker.wait_for(2)
        assert server.connections == 2

    run(answer_none, script)


@pytest.mark.usefixtures("short_timeout")
def test_a_slow_connection_gets_no_more_questions_while_others_wait_on_it():
    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        await asyncio.sleep(0.1)
        asker.exchanges.start([(2, "127.0.0.1", server.port, TWO)])
        assert await asker.wait_for(1) == {1: None}
        assert server.connections == 1
        asker.exchanges.start([(3, "127.0.0.1", server.port, ONE)])
        await asker.wait_for(3)
        assert server.connections == 2

    run(answer_none, script)


@pytest.mark.usefixtures("short_timeout")
def test_an_answer_to_nothing_ends_the_connection():
    async def serve(number, queries, send):
        query = await anext(queries)
        send(b"\x33\x33 never asked" if number == 1 else query)
        await anext(queries, None)

    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        assert await asker.wait_for(1) == {1: ONE}
        assert server.connections == 2

    run(serve, script)


def test_a_connection_without_questions_is_closed_after_a_while(monkeypatch):
    monkeypatch.setattr(upstream, "IDLE_TIMEOUT", 0.05)
    ended = []

    async def serve(number, queries, send):
        await answer_all(number, queries, send)
        ended.append(number)

    async def script(server, asker):
        asker.exchanges.start([(1, "127.0.0.1", server.port, ONE)])
        await asker.wait_for(1)
        await asyncio.sleep(0.2)
        assert ended == [1]

    run(serve, script)
