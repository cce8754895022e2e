import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from safedns.cli.main import main
from safedns.telemetry.page import Sample, parse

PAGE = """\
# HELP safedns_queries_total Queries.
# TYPE safedns_queries_total counter
safedns_queries_total{protocol="udp",type="A"} 1234567.0
safedns_queries_total{protocol="tcp",type="A"} 0.0
safedns_blocked_total{category="gambling"} 2
safedns_latency_seconds_bucket{le="0.1"} 3
safedns_latency_seconds_sum 0.00025
safedns_latency_seconds_count 3
safedns_blocklist_created 1e9
process_open_fds 12
"""


@contextmanager
def server(status: int, page: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def test_a_table_of_what_is_not_zero(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200, PAGE) as web:
        assert main(["stats", "--web", web]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "metric                 of                   value",
        "queries_total          protocol=udp type=A  1,234,567",
        "blocked_total          category=gambling    2",
        "latency_seconds_sum                         0.00025",
        "latency_seconds_count                       3",
    ]


def test_all_values_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200, PAGE) as web:
        assert main(["stats", "--web", web, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0] == {
        "metric": "safedns_queries_total",
        "labels": {"protocol": "udp", "type": "A"},
        "value": 1234567.0,
    }
    assert len(found) == 6


def test_what_is_no_sample_is_left_out() -> None:
    assert parse("\n# x\nnot a sample\nm NaN\nm{} 1\n") == [Sample("m", {}, 1.0)]


def test_another_answer_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with server(500, "") as web:
        assert main(["stats", "--web", web]) == 2
    assert capsys.readouterr().err == f"safedns: http://{web}/metrics: expected status 200, found 500\n"


def test_nobody_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        web = f"127.0.0.1:{bound.getsockname()[1]}"
        assert main(["stats", "--web", web]) == 2
    assert capsys.readouterr().err == (
        f"safedns: http://{web}/metrics: expected a running resolver's metrics, found: Connection refused; "
        "say where with --web\n"
    )
