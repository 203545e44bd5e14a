"""The engine's answers are read whole however they are cut, and its absence is explained."""

import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.adapters.docker_client import DockerClient, Stream, _unchunk
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from tests.adapters.answers import Answer


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False) if a != b]


def frame(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def chunk(payload: bytes) -> bytes:
    return f"{len(payload):x}\r\n".encode() + payload + b"\r\n"


PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8)
PLACES = st.lists(st.integers(0, 1000), max_size=20)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8), PLACES)
def test_frames_come_whole_however_the_answer_is_cut(frames, places):
    data = b"".join(frame(kind, payload) for kind, payload in frames)
    batches = Stream(Answer(cut(data, places))).frames()
    assert [(kind, bytes(part)) for batch in batches for kind, part in batch] == frames


@given(PAYLOADS, PLACES)
def test_chunks_are_decoded_however_the_answer_is_cut(payloads, places):
    data = b"".join(chunk(payload) for payload in payloads) + b"0\r\n\r\n"
    assert b"".join(_unchunk(iter(cut(data, places)))) == b"".join(payloads)


def test_a_chunked_answer_of_frames_is_read():
    data = chunk(frame(1, b"out\n")) + chunk(frame(2, b"err\n")) + b"0\r\n\r\n"
    batches = list(Stream(Answer([data], chunked=True)).frames())
    assert [[(kind, bytes(part)) for kind, part in batch] for batch in batches] == [
        [(1, b"out\n"), (2, b"err\n")]
    ]


async def test_no_engine_is_said_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(EnvironmentLacks, match="No Docker engine answers at") as caught:
        await DockerClient().call(lambda api: api.ping())
    assert "systemctl start docker" in caught.value.hint
    assert f"{tmp_path}/no.sock" in caught.value.message


async def test_a_closed_socket_is_told_from_a_missing_one(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/d.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/d.sock")
    with pytest.raises(EnvironmentLacks, match="Connection refused"):
        await DockerClient().call(lambda api: api.ping())


async def test_the_sdks_errors_become_ours(monkeypatch):
    from docker.errors import APIError, ImageNotFound

    client = DockerClient()
    monkeypatch.setattr(client, "api", lambda: None)

    def refuse(_):
        raise APIError("500", explanation="no space left on device")

    def miss(_):
        raise ImageNotFound("404", explanation="No such image: nothing:1")

    with pytest.raises(ActionError, match="no space left on device"):
        await client.call(refuse)
    with pytest.raises(ActionError, match="nothing:1") as caught:
        await client.call(miss)
    assert "Build or pull" in caught.value.hint


@pytest.mark.parametrize(
    "module", ["children", "docker", "compose", "database", "fingerprint", "git"]
)
def test_no_heavy_client_comes_with_the_import_of_an_adapter(module):
    heavy = {"docker", "psycopg", "ruamel", "hvac", "httpx", "textual", "cryptography"}
    code = f"import sys, runbook_app.adapters.{module}; print(*{heavy!r} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split() == []


def test_a_refused_connection_is_told_in_the_system_s_words(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EnvironmentLacks, match=f"answers at {address}: Connection refused"):
        DockerClient().api()
