"""The running server, at `BASE_URL` (http or https; `CA_FILE` for a certificate that the system does not know)."""

import os
import ssl
from collections.abc import Iterator

import httpx2
import pytest

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000")
CA_FILE = os.environ.get("CA_FILE")


@pytest.fixture(scope="session")
def server() -> Iterator[httpx2.Client]:
    verify = ssl.create_default_context(cafile=CA_FILE) if BASE_URL.startswith("https:") else False
    with httpx2.Client(base_url=BASE_URL, verify=verify, timeout=10) as client:
        yield client
