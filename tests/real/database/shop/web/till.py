"""Answers how many people it can read the phone of; with a key it reads them decrypted."""

import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg


def phones() -> list[str]:
    with psycopg.connect() as connection:
        file = os.environ.get("COLUMN_KEY_FILE")
        if not file:
            rows = connection.execute(
                "SELECT phone FROM crm.people WHERE phone IS NOT NULL ORDER BY code"
            )
        else:
            key = Path(file).read_text().strip()
            connection.execute("SELECT set_config('app.column_key', %s, true)", (key,))
            rows = connection.execute(
                "SELECT crm.reveal(phone) FROM crm.people WHERE phone IS NOT NULL ORDER BY code"
            )
        return [phone for (phone,) in rows]


class Till(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text = "\n".join(phones()).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    if "--check" in sys.argv:
        urllib.request.urlopen("http://127.0.0.1:8000/", timeout=3)
    else:
        HTTPServer(("0.0.0.0", 8000), Till).serve_forever()
