"""One small program for every way to be ready: says so as it is told, and obeys files in its project.

    python ready_agent.py WAY

A file `WAY-broken` makes it unwell, one `WAY-silent` ends its beats.
"""

from __future__ import annotations

import http.server
import os
import socket
import sys
import threading
import time
from pathlib import Path

WAY = sys.argv[1]
BROKEN, SILENT = Path(f"{WAY}-broken"), Path(f"{WAY}-silent")


def notify(words: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(words.encode(), os.environ["NOTIFY_SOCKET"])


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if BROKEN.exists() else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def be_ready() -> None:
    match WAY:
        case "notify":
            notify("READY=1\nSTATUS=\x1b[31mhalf [b]way[/b]")
        case "fd":
            os.write(int(os.environ["NOTIFY_FD"]), b"\n")
        case "log":
            sys.stdout.write("now listening on 8080\n")
            sys.stdout.flush()
        case "http":
            server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Health)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        case _:
            pass


be_ready()
while True:
    if "WATCHDOG_USEC" in os.environ and not SILENT.exists():
        notify("WATCHDOG=1")
    time.sleep(0.05)
