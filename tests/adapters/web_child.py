"""Stands for a session's screen behind Textual's web driver: `web_child.py [HOW]`.

Paints its process id, then what it is told: typed text as it is, sizes as `WIDTHxHEIGHT`. `deaf`
goes on whatever it is told, `busy` paints meanwhile, `broken` ends before it paints.
"""

from __future__ import annotations

import json
import os
import sys
import time

how = sys.argv[1] if len(sys.argv) > 1 else ""


def paint(text: str) -> None:
    data = text.encode()
    sys.stdout.buffer.write(b"D" + len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()


if how == "broken":
    sys.exit(1)
sys.stdout.buffer.write(b"__GANGLION__\n")
paint(f"pid {os.getpid()} {os.environ['COLUMNS']}x{os.environ['ROWS']};")
while how == "deaf":
    time.sleep(1)
while how == "busy":
    paint("." * 4096)
while kind := sys.stdin.buffer.read(1):
    payload = sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(4), "big"))
    if kind == b"D":
        paint(payload.decode())
        continue
    match json.loads(payload):
        case {"type": "resize", "width": width, "height": height}:
            paint(f"{width}x{height}")
        case {"type": "quit"}:
            break
