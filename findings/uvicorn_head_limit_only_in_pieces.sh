#!/usr/bin/env bash
# Uvicorn 0.54.0 with h11 0.16.0: h11_max_incomplete_event_size does not limit a head that arrives at once.
#
# Behaviour: h11 compares its buffer with the limit only if the head in it is not complete. Uvicorn hands over what one
# read of the socket gives, up to 256 KiB, so a head of 100 kB that comes in one piece is answered with 200 although
# the limit is 16 kB. The same head in two pieces is refused, and the connection closed.
#
# Why it matters: whoever sets the limit to bound what a request's head may hold does not bound it.
# What to do: count the bytes of path and headers in the application.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   100 kB of head at once: 200
#   100 kB of head in two pieces: refused
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q uvicorn==0.54.0 h11==0.16.0
cat > "$room/try.py" <<'PY'
import socket
import sys
import threading
import time

import uvicorn


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


config = uvicorn.Config(
    app, http="h11", lifespan="off", log_level="critical", h11_max_incomplete_event_size=16_384
)
server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
threading.Thread(target=server.run, args=([listening],), daemon=True).start()
while not server.started:
    time.sleep(0.01)


def ask(*pieces):
    with socket.create_connection(listening.getsockname()) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.3)
            status = connection.recv(100).split()[1].decode()
        except ConnectionError:
            return "refused"
        return "refused" if status == "400" else status


head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000
whole, cut = ask(head + b"\r\n\r\n"), ask(head, b"\r\n\r\n")
print(f"100 kB of head at once: {whole}\n100 kB of head in two pieces: {cut}", flush=True)
server.should_exit = True
sys.exit((whole, cut) != ("200", "refused"))
PY
"$room/venv/bin/python" "$room/try.py"
