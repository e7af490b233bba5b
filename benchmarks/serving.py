"""How much of the engine's own rate `residual serve` gives to 32 clients, beside what people write instead.

    python benchmarks/serving.py network.onnx [--peers PYTHON] [--turns 4] [--seconds 8]

The engine computes batches of 32 in a process of its own: its rate is the most that a server can give. Then each server
takes turns: `residual serve`, a Starlette handler that runs the network for each request in a thread, and LitServe with
its batches, if PYTHON is an interpreter that has it. All decode the same JPEG photo of 640 x 480 pixels with Pillow and
compute with ONNX Runtime. The clients keep their connections; each sends its next photo when it has its answer. They
run on the same cores as the server. The table comes as Markdown, the figures as JSON in benchmarks/results/.
"""

import argparse
import asyncio
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from machine import machine
from turns import format_table, rotate

HERE = Path(__file__).parent
CLIENTS, BATCH = 32, 32
WARM = 1.5  # seconds before a turn counts
PATIENCE = 60  # seconds until a server answers


def make_photo() -> bytes:
    """A JPEG of 640 x 480 pixels with the detail of a photo: noise at several scales."""
    from PIL import Image

    random, picture = np.random.default_rng(0), np.zeros((480, 640, 3))
    for side in (4, 16, 64, 256):
        grain = Image.fromarray(random.integers(0, 256, (side * 3 // 4, side, 3)).astype(np.uint8))
        picture += np.asarray(grain.resize((640, 480), Image.Resampling.BICUBIC), float) / side**0.5
    picture = 255 * (picture - picture.min()) / np.ptp(picture)
    file = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(file, "JPEG", quality=88)
    return file.getvalue()


def measure_engine(path: str, seconds: float) -> float:
    """Images per second of the engine alone, batches of 32."""
    from residual.engines import open_engine

    engine = open_engine(path)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *engine.card.image_size, 3)).astype(np.uint8)
    engine.predict(images)
    started, batches = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        engine.predict(images)
        batches += 1
    return batches * BATCH / passed


async def ask_all(port: int, photo: bytes, seconds: float, field: str | None) -> list[float]:
    """Milliseconds of each answer that came in the time after the warm-up, of 32 clients."""
    kind, body = ("image/jpeg", photo) if field is None else make_form(field, photo)
    lines = [
        "POST /predict HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    request, begin = "\r\n".join([*lines, "", ""]).encode() + body, time.perf_counter() + WARM
    end, found = begin + seconds, []

    async def act() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < end:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            finished = time.perf_counter()
            if begin <= started and finished <= end:
                found.append(1000 * (finished - started))
        writer.close()

    await asyncio.gather(*(act() for _ in range(CLIENTS)))
    return found


def make_form(field: str, photo: bytes) -> tuple[str, bytes]:
    """Type and body of a form with one file."""
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.jpg"\r\n\r\n'
    return "multipart/form-data; boundary=x", head.encode() + photo + b"\r\n--x--\r\n"


def find_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Contender:
    """A server in a process group of its own.

    Args:
        command: "{port}" stands for the port.
        field: the form's field that takes the photo; None sends the bytes as they are.
    """

    def __init__(self, command: list[str], field: str | None = None):
        self.port, self.field, started = find_port(), field, time.perf_counter()
        words = [word.replace("{port}", str(self.port)) for word in command]
        self._process = subprocess.Popen(
            words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if self._process.poll() is not None or time.perf_counter() - started > PATIENCE:
                    raise RuntimeError(f"{' '.join(words)} does not start") from None
                time.sleep(0.01)
        self.ready = time.perf_counter() - started

    def take_turn(self, photo: bytes, seconds: float) -> dict:
        """Rate and latencies of a turn."""
        ms = sorted(asyncio.run(ask_all(self.port, photo, seconds, self.field)))
        return {
            "images_per_second": len(ms) / seconds,
            "p50_ms": statistics.median(ms),
            "p99_ms": ms[int(0.99 * (len(ms) - 1))],
        }

    def stop(self) -> None:
        """End all of its processes."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)


def list_contenders(network: str, peers: str | None) -> dict[str, tuple[list[str], str | None]]:
    """Name -> command and the form's field."""
    residual = [sys.executable, "-m", "residual", "serve", network, "--port", "{port}"]
    found: dict[str, tuple[list[str], str | None]] = {
        "residual serve": (residual, None),
        "Starlette, a run per request": (
            [peers or sys.executable, str(HERE / "serving_peers.py"), network, "{port}"],
            None,
        ),
    }
    if peers:
        found["LitServe, batches of 32"] = (
            [peers, str(HERE / "serving_litserve.py"), network, "{port}"],
            "content",
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", help="an exported .onnx file")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has litserve and onnxruntime")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    photo, turns, engine, ready = make_photo(), {}, [], {}
    contenders = list_contenders(asked.network, asked.peers)
    for number in range(asked.turns):
        engine.append(measure_in_process(asked.network, asked.seconds))
        for name in rotate(list(contenders), number):
            server = Contender(*contenders[name])
            try:
                ready.setdefault(name, []).append(server.ready)
                turns.setdefault(name, []).append(server.take_turn(photo, asked.seconds))
                print(f"{number + 1}/{asked.turns}  {turns[name][-1]}  {name}", file=sys.stderr, flush=True)
            finally:
                server.stop()
    report(asked, photo, engine, ready, turns)


def measure_in_process(network: str, seconds: float) -> float:
    """`measure_engine` in a fresh process."""
    line = f"import serving; print(serving.measure_engine({network!r}, {seconds}))"
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    output = subprocess.run(
        [sys.executable, "-c", line],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(output.stdout)


def report(asked: argparse.Namespace, photo: bytes, engine: list, ready: dict, turns: dict) -> None:
    """Print the table and write the figures."""
    rows = [["the engine alone, batches of 32", f"{statistics.median(engine):,.1f}", "100%", "", "", ""]]
    for name, found in turns.items():
        shares = [turn["images_per_second"] / rate for turn, rate in zip(found, engine, strict=True)]
        middle = {key: statistics.median(turn[key] for turn in found) for key in found[0]}
        rows.append(
            [
                name,
                f"{middle['images_per_second']:,.1f}",
                f"{100 * statistics.median(shares):.0f}%",
                f"{middle['p50_ms']:,.0f}",
                f"{middle['p99_ms']:,.0f}",
                f"{statistics.median(ready[name]):.2f}",
            ]
        )
    print(format_table(["", "images/s", "of the engine", "p50 ms", "p99 ms", "ready s"], rows))
    facts = {**machine(), "clients": CLIENTS, "photo_bytes": len(photo), "network": Path(asked.network).stem}
    values = {
        "turns": asked.turns,
        "seconds": asked.seconds,
        "engine": engine,
        "ready_s": ready,
        "servers": turns,
    }
    if asked.output:
        asked.output.write_text(json.dumps({**facts, **values}, indent=1) + "\n")


if __name__ == "__main__":
    main()
