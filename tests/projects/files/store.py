"""A node of a store: PUT /KEY stores a value if a majority of the nodes does, in half a second; GET /KEY returns it."""

import os
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NODES = os.environ["NODES"].split()
OTHERS = [node for node in NODES if node != socket.gethostname()]
values: dict[str, bytes] = {}


def stores(node: str, path: str, value: bytes) -> bool:
    request = urllib.request.Request(f"http://{node}{path}", value, {"X-Copy": "1"}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=0.5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Node(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        value = self.rfile.read(int(self.headers["Content-Length"]))
        copies = 1
        if "X-Copy" not in self.headers:
            with ThreadPoolExecutor(len(OTHERS)) as pool:
                copies += sum(pool.map(lambda node: stores(node, self.path, value), OTHERS))
        is_stored = "X-Copy" in self.headers or copies > len(NODES) // 2
        if is_stored:
            values[self.path] = value
        self.answer(200 if is_stored else 503, b"")

    def do_GET(self) -> None:
        self.answer(200 if self.path in values else 404, values.get(self.path, b""))

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 80), Node).serve_forever()
