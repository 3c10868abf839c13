"""Connections to a server of the test's own: used again, opened as needed, and what a broken answer is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from training.traffic import connections
from training.traffic.connections import Address, Connections, HttpAnswer

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Who: Me\r\n\r\nhi"

Serve = Callable[[asyncio.StreamWriter, int], Awaitable[None]]
"""Writes the answer to a request; the number is the connection's, from 1."""
Use = Callable[[Connections], Awaitable[None]]


def against(serve: Serve, use: Use) -> None:
    """Use connections to a server on a free port of loopback; none is open afterwards."""

    async def run() -> None:
        met = 0

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal met
            met += 1
            number = met
            try:
                while not writer.is_closing():
                    await reader.readuntil(b"\r\n\r\n")
                    await serve(writer, number)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            used = Connections(Address("127.0.0.1", server.sockets[0].getsockname()[1], None))
            await use(used)
            await used.close()
            await asyncio.sleep(0.01)

    asyncio.run(run())


async def whole(writer: asyncio.StreamWriter, number: int) -> None:
    await asyncio.sleep(0.01)
    writer.write(WHOLE)


def test_one_connection_for_one_request_after_the_other() -> None:
    async def use(used: Connections) -> None:
        for _ in range(3):
            assert await used.send(REQUEST) == HttpAnswer(200, {"content-length": "2", "x-who": "Me"}, b"hi")
        assert used.opened == 1
        await asyncio.gather(*(used.send(REQUEST) for _ in range(5)))
        assert used.opened == 5
        await asyncio.gather(*(used.send(REQUEST) for _ in range(5)))
        assert used.opened == 5

    against(whole, use)


def test_a_connection_that_was_idle_too_long_or_was_closed_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def close_first(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(WHOLE)
        if number == 1:
            writer.close()

    async def use(used: Connections) -> None:
        for opened in (1, 2, 2):
            await used.send(REQUEST)
            await asyncio.sleep(0.02)
            assert used.opened == opened
        monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
        await used.send(REQUEST)
        assert used.opened == 3

    against(close_first, use)


def test_an_answer_that_says_close_ends_its_connection() -> None:
    async def serve(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    async def use(used: Connections) -> None:
        await used.send(REQUEST)
        await used.send(REQUEST)
        assert used.opened == 2

    against(serve, use)


def test_chunks_are_one_body() -> None:
    async def serve(writer: asyncio.StreamWriter, number: int) -> None:
        for part in (b"HTTP/1.1 424 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nhi\r\n", b"1\r\n!\r\n0\r\n\r\n"):
            writer.write(part)
            await asyncio.sleep(0.005)

    async def use(used: Connections) -> None:
        answer = await used.send(REQUEST)
        assert (answer.status, answer.body) == (424, b"hi!")
        await used.send(REQUEST)
        assert used.opened == 1

    against(serve, use)


@pytest.mark.parametrize("broken", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", b"SSH-2.0-x\r\n\r\n"])
def test_an_answer_that_is_none_fails_one_request(broken: bytes) -> None:
    async def serve(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(broken if number == 1 else WHOLE)
        if number == 1:
            writer.close()

    async def use(used: Connections) -> None:
        with pytest.raises(ConnectionError):
            await used.send(REQUEST)
        assert (await used.send(REQUEST)).body == b"hi"

    against(serve, use)


def test_a_request_that_is_given_up_leaves_no_connection_whose_answer_could_be_taken_for_anothers() -> None:
    async def serve(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.sleep(0.1 if number == 1 else 0)
        writer.write(WHOLE.replace(b"hi", b"%02d" % number))

    async def use(used: Connections) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await used.send(REQUEST)
        assert (await used.send(REQUEST)).body == b"02"
        assert used.opened == 2

    against(serve, use)


def test_nobody_listens() -> None:
    async def use(used: Connections) -> None:
        with pytest.raises(ConnectionRefusedError):
            await Connections(Address("127.0.0.1", 1, None)).send(REQUEST)

    against(whole, use)
