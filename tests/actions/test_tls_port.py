from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from actions import _old_tls, tls
from runbook_app.domain.errors import NotMeasured
from runbook_app.testing.capabilities import result
from runbook_app.testing.network import handshake
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import issued, server_context, serving, written

NAMES = ["localhost", "127.0.0.1", "::1"]


@contextlib.contextmanager
def presented(target: FakeTarget, **weakness: Any) -> Iterator[int]:
    """Serve a certificate whose files lie in the target, and yield the port."""
    certs = written(target.folder, issued(**weakness))
    with serving(tls=server_context(certs)) as port:
        yield port


async def test_a_sound_certificate_passes(networked: FakeTarget) -> None:
    with presented(networked) as port:
        assert await networked.measure(tls.certificate, port=port) == []
    assert str(networked.value("chain fails with the system's CAs")).startswith("certificate not")


@pytest.mark.parametrize(
    ("weakness", "failed"),
    [
        ({"names": ["localhost"]}, ["names"]),
        ({"days": 20}, ["days left"]),
        ({"days": 365}, ["lifetime"]),
        ({"key_type": "rsa-2048"}, ["key"]),
    ],
)
async def test_a_weak_certificate_fails_by_its_weakness(
    networked: FakeTarget, weakness: dict[str, Any], failed: list[str]
) -> None:
    with presented(networked, **weakness) as port:
        assert await networked.measure(tls.certificate, port=port, names=NAMES) == failed


async def test_a_certificate_of_another_name_does_not_verify(networked: FakeTarget) -> None:
    with presented(networked, names=["example.test"]) as port:
        failed = await networked.measure(tls.certificate, port=port)
    assert "chain verifies with our CA" in failed


async def test_the_certificate_of_another_ca_fails(networked: FakeTarget) -> None:
    with presented(networked) as port:
        (networked.folder / "certs/ca.pem").write_bytes(issued().ca)
        failed = await networked.measure(tls.certificate, port=port)
    assert failed == ["chain verifies with our CA"]


async def test_files_that_are_not_in_use_fail(networked: FakeTarget) -> None:
    with presented(networked) as port:
        (networked.folder / "certs/cert.pem").write_bytes(issued().certificate)
        failed = await networked.measure(tls.certificate, port=port)
    assert failed == ["certs/cert.pem is what the port presents"]


async def test_a_readable_key_fails(networked: FakeTarget) -> None:
    with presented(networked) as port:
        (networked.folder / "certs/key.pem").chmod(0o640)
        failed = await networked.measure(tls.certificate, port=port)
    assert failed == ["mode of certs/key.pem"]


async def test_a_chain_that_the_system_trusts_is_no_local_one(target: FakeTarget) -> None:
    leaf = x509.load_pem_x509_certificates(issued().certificate)[0]
    der = leaf.public_bytes(Encoding.DER)
    target.http.on_handshake = lambda _: handshake(certificate=der)
    written(target.folder, issued())
    assert "chain fails with the system's CAs" in await target.measure(tls.certificate, port=1)


async def test_a_port_without_a_certificate_is_not_measured(networked: FakeTarget) -> None:
    written(networked.folder, issued())
    with serving() as port, pytest.raises(NotMeasured, match="presents no certificate"):
        await networked.measure(tls.certificate, port=port)


async def test_a_server_of_today_refuses_old_versions(networked: FakeTarget) -> None:
    with presented(networked) as port:
        assert await networked.measure(tls.protocols, port=port) == []


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
async def test_a_server_that_speaks_an_old_version_fails(
    networked: FakeTarget, version: str
) -> None:
    with _old_tls.speaking(version, networked.scratch) as port:
        failed = await networked.measure(tls.protocols, port=port)
    assert f"{version} refused" in failed
    assert "TLSv1.2 accepted" in failed


async def test_a_dead_port_is_no_refusal(networked: FakeTarget) -> None:
    with serving() as port:
        pass
    failed = await networked.measure(tls.protocols, port=port)
    assert set(failed) == {
        "TLSv1.2 accepted",
        "TLSv1.3 accepted",
        "TLSv1 refused",
        "TLSv1.1 refused",
    }


async def test_a_probe_that_can_not_offer_a_version_measures_nothing(target: FakeTarget) -> None:
    target.http.on_handshake = lambda offer: (
        handshake(error="TLS: NO_PROTOCOLS_AVAILABLE")
        if offer["maximum"] in tls.OLD
        else handshake(offer["maximum"])
    )
    with pytest.raises(NotMeasured, match="can't offer TLSv1:"):
        await target.measure(tls.protocols, port=1)


async def test_the_control_leaves_no_key_behind(networked: FakeTarget) -> None:
    with _old_tls.speaking("TLSv1", networked.scratch):
        assert list(networked.scratch.iterdir()) == []


GOOD = "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n    Verify return code: 0 (ok)\n"
BAD = GOOD.replace("0 (ok)", "62 (hostname mismatch)")


@pytest.mark.parametrize(
    ("words", "failed"),
    [
        (GOOD, []),
        (BAD, ["openssl verifies the chain"]),
        ("connect:errno=111\n", ["openssl verifies the chain", "openssl gets a session"]),
    ],
)
async def test_openssl_is_read_as_it_speaks(
    target: FakeTarget, words: str, failed: list[str]
) -> None:
    target.shell.programs["openssl"] = lambda _: result(words)
    assert await target.measure(tls.openssl_client, port=1) == failed
