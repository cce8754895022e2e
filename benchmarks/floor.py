"""The kernel floor as a server: `python floor.py LIBRARY ADDRESS PORT`.

The native function of floor.c is the reader of a UDP socket on uvloop, as the engine is in a resolver worker.
"""

import asyncio
import ctypes
import socket
import sys

import uvloop

RECEIVE_BUFFER = 4 * 1024 * 1024


def main() -> None:
    """Reflect until the process is ended."""
    library, address, port = sys.argv[1:]
    # PyDLL keeps the interpreter lock during the call, as the engine does: nobody waits for it in a worker.
    reflect = ctypes.PyDLL(library).reflect
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    listener.setblocking(False)
    listener.bind((address, int(port)))
    uvloop.run(serve(listener, reflect))


async def serve(listener: socket.socket, reflect: "ctypes._NamedFuncPointer") -> None:
    """Call the native function whenever the socket is readable."""
    asyncio.get_running_loop().add_reader(listener.fileno(), reflect, listener.fileno())
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
