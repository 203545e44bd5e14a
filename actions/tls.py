"""Certificates, and what is spoken on a TLS port.

What needs `cryptography` is imported when an action runs: it takes longer than reading a plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from runbook_app.domain.errors import NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect

if TYPE_CHECKING:
    from actions._key_files import KeyFiles

KeyType = Literal["ecdsa-p256", "rsa-2048", "rsa-3072"]
NGINX_UID = 33
"""www-data of Debian, as which nginx's image runs."""
NAMES = ["localhost", "127.0.0.1", "::1"]
INSIDE = "nginx"
"""Name of the proxy on the stack's network, so that a client in there can verify it too."""
OLD = ["TLSv1", "TLSv1.1"]
CURRENT = ["TLSv1.2", "TLSv1.3"]


@effect
async def generate_certificate(
    run: Run,
    *,
    common_name: str = "localhost",
    names: list[str] = NAMES,
    days: int = 89,
    key_type: KeyType = "ecdsa-p256",
    directory: str = "certs",
    owner: int | None = NGINX_UID,
    inside: str = INSIDE,
) -> None:
    """Make a key and a certificate, signed by a local CA whose own key is then forgotten.

    The key is git-ignored before it is made, and belongs to `owner` where this program may give
    files away. `inside` is one more name: the proxy's on the stack's network.
    """
    files = _files(
        run,
        names=names,
        days=days,
        key_type=key_type,
        directory=directory,
        owner=owner,
        inside=inside,
    )
    await files.ignore_key()
    if files.problems():
        await files.make(common_name)
    else:
        files.register()
        run.log(f"{directory}: a valid set is already there")
    _tell(run, files)


@generate_certificate.check
async def _(
    run: Run,
    *,
    names: list[str] = NAMES,
    days: int = 89,
    key_type: KeyType = "ecdsa-p256",
    directory: str = "certs",
    owner: int | None = NGINX_UID,
    inside: str = INSIDE,
    **_: Any,
) -> Finding:
    files = _files(
        run,
        names=names,
        days=days,
        key_type=key_type,
        directory=directory,
        owner=owner,
        inside=inside,
    )
    problems = files.problems()
    if not problems:
        files.register()
        return run.done(f"a matching set in {directory}, until {files.leaf().not_valid_after_utc}")
    if not files.any():
        return run.not_done(f"{directory} holds no key and no certificate")
    return run.partly("; ".join(problems))


def _files(
    run: Run,
    *,
    names: list[str],
    days: int,
    key_type: KeyType,
    directory: str,
    owner: int | None,
    inside: str,
) -> KeyFiles:
    from actions import _certificates, _key_files  # as the module says

    extra = [inside] if inside and inside not in names else []
    wanted = _certificates.Wanted(names=[*names, *extra], days=days, key_type=key_type)
    return _key_files.KeyFiles(run=run, directory=directory, wanted=wanted, owner=owner)


def _tell(run: Run, files: KeyFiles) -> None:
    from actions import _certificates  # as the module says

    leaf = files.leaf()
    run.output("fingerprint", _certificates.fingerprint(leaf))
    run.output("not_after", leaf.not_valid_after_utc.isoformat())


@check
async def certificate(
    run: Run,
    *,
    port: int,
    host: str = "localhost",
    server_name: str = "localhost",
    names: list[str] = NAMES,
    min_days: int = 30,
    max_days: int = 90,
    key_type: KeyType = "ecdsa-p256",
    path: str = "certs/cert.pem",
    ca: str = "certs/ca.pem",
    key: str = "certs/key.pem",
) -> None:
    """Examine the certificate that a port presents, and the files that it comes from."""
    from actions import _presented  # as the module says

    place = _presented.Port(host=host, port=port, server_name=server_name)
    expected = _presented.Expected(
        names=names, min_days=min_days, max_days=max_days, key_type=key_type
    )
    leaf = await _presented.examine_chain(run, place, ca)
    _presented.examine(run, leaf, expected)
    _presented.examine_files(run, leaf, path, key)


@check
async def protocols(
    run: Run,
    *,
    port: int,
    host: str = "localhost",
    server_name: str = "localhost",
    refused: list[str] = OLD,
    accepted: list[str] = CURRENT,
) -> None:
    """Find old versions refused, by a probe that does get through to a server that speaks them."""
    for version in accepted:
        shaken = await run.http.handshake(
            host, port, server_name=server_name, minimum=version, maximum=version, verify=False
        )
        run.require(f"{version} accepted", shaken.ok, shaken.cipher or shaken.error)
    for version in refused:
        await _control(run, version, server_name)
        shaken = await run.http.handshake(
            host, port, server_name=server_name, minimum=version, maximum=version, verify=False
        )
        refusal = not shaken.ok and shaken.error.startswith(("TLS", "connection reset"))
        run.require(f"{version} refused", refusal, shaken.error or f"accepted, {shaken.cipher}")


async def _control(run: Run, version: str, server_name: str) -> None:
    """Let the probe succeed where it must.

    Raises:
        NotMeasured: it does not, so its failure elsewhere would mean nothing.
    """
    from actions import _old_tls  # as the module says

    with _old_tls.speaking(version, run.scratch) as port:
        shaken = await run.http.handshake(
            "127.0.0.1",
            port,
            server_name=server_name,
            minimum=version,
            maximum=version,
            verify=False,
        )
    if not shaken.ok or shaken.version != version:
        raise NotMeasured(
            f"This machine's TLS library can't offer {version}: {shaken.error or shaken.version}.",
            hint="Measure from a machine whose OpenSSL still has it.",
        )
    run.measure(f"control for {version}", "a server that speaks it was reached")


@check
async def ciphers(
    run: Run,
    *,
    port: int,
    host: str = "localhost",
    server_name: str = "localhost",
    wanted: list[str] | None = None,
) -> None:
    """Offer every cipher suite of TLS 1.2 one by one, and find none taken beside the wanted ones.

    `wanted` is by default Mozilla's intermediate list. A suite that this machine can't offer is
    named, not counted; the probe has first to get a weak one taken by a server that has it.
    """
    from actions import _cipher_suites  # as the module says

    await _cipher_suites.control(run, server_name)
    offer = _cipher_suites.Offered(run=run, host=host, port=port, server_name=server_name)
    taken = await offer.taken()
    if not taken:
        raise NotMeasured(f"No suite of TLS 1.2 is taken at {host}:{port}: {offer.refusal}.")
    extra = sorted(taken - set(wanted or _cipher_suites.INTERMEDIATE))
    run.measure("suites offered", offer.count)
    run.measure("suites taken", ", ".join(sorted(taken)))
    run.require("only strong suites of TLS 1.2", not extra, ", ".join(extra) or "none beside")


@check
async def openssl_client(
    run: Run,
    *,
    port: int,
    host: str = "localhost",
    server_name: str = "localhost",
    ca: str = "certs/ca.pem",
) -> None:
    """See a port as `openssl s_client` does."""
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", server_name]
    command += ["-verify_hostname", server_name, "-CAfile", str(run.files.path(ca))]
    result = await run.shell.run(command)
    verdict = _after(result.text, "Verify return code:") or _after(result.text, "error:")
    run.require("openssl verifies the chain", verdict.startswith("0 (ok)"), verdict or "no answer")
    session = _after(result.text, "New, ") or _after(result.text, "Reused, ")
    run.require("openssl gets a session", session.startswith("TLSv1."), session or "no session")


def _after(text: str, marker: str) -> str:
    """Return the rest of the last line that has the marker."""
    return text.rpartition(marker)[2].partition("\n")[0].strip() if marker in text else ""
