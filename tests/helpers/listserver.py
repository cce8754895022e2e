"""An HTTP server on loopback that serves lists, well or badly."""

import contextlib
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field


@dataclass
class Reply:
    """What a path answers: a status line, headers and pieces of a body."""

    status: str = "200 OK"
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    declare: bool = True
    """Whether the body's length is declared."""
    forever: bool = False
    """Whether the body is sent again and again."""
    wait: threading.Event | None = None
    """What the end of the body waits for."""
    gate: threading.Barrier | None = None
    """What the answer waits for."""


class ListServer:
    """Answers each path with its reply, and keeps the requests."""

    def __init__(self, context=None):
        self.replies = {}
        self.requests = []
        self.open = 0
        self.most_open = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # `accept` may be waiting
        self._listener.close()

    def serve(self, path, body=b"", **fields):
        """Answer a path; the result is its URL."""
        self.replies[path] = Reply(body=body, **fields)
        return self.url + path

    def asked(self, path):
        """Headers of the requests for a path, lower case."""
        return [headers for asked, headers in self.requests if asked == path]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    request += piece
                self._answer(connection, request.decode("latin-1"))

    def _answer(self, connection, request):
        first, *lines = request.split("\r\n\r\n")[0].split("\r\n")
        path = first.split()[1]
        headers = {word.lower(): text for word, text in (line.split(": ", 1) for line in lines)}
        with self._lock:
            self.requests.append((path, headers))
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            self._send(connection, self.replies.get(path, Reply("404 Not Found")), headers)
        finally:
            with self._lock:
                self.open -= 1

    @staticmethod
    def _send(connection, reply, asked):
        if reply.gate:
            reply.gate.wait(10)
        same = {"if-none-match": "ETag", "if-modified-since": "Last-Modified"}
        if any(asked.get(word, "-") == reply.headers.get(name, "") for word, name in same.items()):
            connection.sendall(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
            return
        headers = {"Connection": "close", **reply.headers}
        if reply.declare:
            headers = {"Content-Length": str(len(reply.body)), **headers}
        head = "".join(f"{word}: {text}\r\n" for word, text in headers.items())
        connection.sendall(f"HTTP/1.1 {reply.status}\r\n{head}\r\n".encode() + reply.body)
        while reply.forever:
            connection.sendall(reply.body)
        if reply.wait:
            reply.wait.wait(20)


def make_certificate(folder):
    """A certificate for 127.0.0.1 that nobody signed but itself, and its key, as paths."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-days", "2", "-subj", "/CN=lists.safedns.example", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return certificate, key


def tls_server(certificate, key):
    """A server with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return ListServer(context)


def some_names(count, ending="example"):
    """A plain list."""
    return "".join(f"name{number}.{ending}\n" for number in range(count)).encode()
