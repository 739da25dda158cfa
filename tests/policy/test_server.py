"""An OPA server as the decision point: what its client leaves open, against a real OPA."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opa_client import AsyncOpaClient

from athena.platform.kernel.settings import Settings
from athena.policies.decisions.address import ServerAddress
from athena.policies.decisions.breaker import FAILURES, PAUSE_SECONDS, CircuitBreaker
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import NO_LABELS, Fault, NoDecisionError
from athena.policies.decisions.server import ServerPoint
from support.opa import OpaServer, answering, http, make_bundle, running_opa, stopped_opa
from support.points import NOTHING, PATIENT, QUESTION, fault, said, server_point

pytestmark = pytest.mark.needs_opa


@pytest.fixture(scope="module")
async def opa() -> AsyncIterator[OpaServer]:
    async with running_opa("--set=decision_logs.console=true") as running:
        yield running


class TestAnswer:
    async def test_is_that_of_the_embedded_engine(self, opa: OpaServer, policy: WasmPolicy) -> None:
        async with server_point(opa.port, policy.revision) as point:
            decision = await point.decide(QUESTION)
        assert decision.document == policy.answer(QUESTION)
        assert (decision.revision, decision.seconds) == (policy.revision, 300)

    async def test_has_the_servers_id_where_it_keeps_a_log(
        self, opa: OpaServer, policy: WasmPolicy
    ) -> None:
        async with server_point(opa.port, policy.revision) as point:
            one, other = await point.decide(QUESTION), await point.decide(QUESTION)
        assert one.reference
        assert one.reference != other.reference
        assert one.as_json()["engine"] == {"name": "server", "decision_id": one.reference}

    async def test_a_healthy_server_passes_the_check(
        self, opa: OpaServer, policy: WasmPolicy
    ) -> None:
        async with server_point(opa.port, policy.revision) as point:
            await point.check()

    async def test_a_token_is_sent_where_one_is_set(self) -> None:
        async with answering(http(said([NOTHING]))) as (port, requests):
            address = ServerAddress.of(Settings(opa_url=f"http://127.0.0.1:{port}"))
            point = await ServerPoint.open(address, "expected", "a token of the test", PATIENT)
            await point.decide(QUESTION)
            await point.close()
        assert b"\r\nAuthorization: Bearer a token of the test\r\n" in requests[0]

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PUT", "/v1/policies/more", "package athena.visibility\n\ndecisions := []"),
            ("PUT", "/v1/policies/other", "package other\n\nit := 1"),
            ("PUT", "/v1/data/athena/visibility", '{"decisions": []}'),
            ("DELETE", "/v1/data/athena", ""),
        ],
    )
    async def test_nobody_changes_the_rules_over_the_network(
        self, opa: OpaServer, method: str, path: str, body: str
    ) -> None:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{opa.port}") as session,
            session.request(method, path, data=body) as answer,
        ):
            assert answer.status == 400
            assert "owned by bundle" in await answer.text()


class TestWhatTheClientLeavesOpen:
    async def test_an_undefined_decision_comes_back_as_nothing(
        self, policy: WasmPolicy, tmp_path: Path
    ) -> None:
        bundle = make_bundle(tmp_path, policy.revision, "decisions := [] if input.never")
        async with running_opa(bundle=bundle) as opa:
            async with AsyncOpaClient(port=opa.port) as client:
                assert await client.query_rule({}, "athena.visibility", "decisions") == {}
            async with server_point(opa.port, policy.revision) as point:
                assert await fault(point) is Fault.UNDEFINED

    async def test_503_isnt_tried_again(self, opa: OpaServer, policy: WasmPolicy) -> None:
        busy = http(b"", "503 Service Unavailable")
        async with (
            answering(busy, upstream=opa.port) as (port, requests),
            AsyncOpaClient(port=port, retries=2) as client,
        ):
            with pytest.raises(aiohttp.ClientResponseError, match="503"):
                await client.query_rule(QUESTION.content, "athena.visibility", "decisions")
            assert len(requests) == 1
        async with (
            answering(busy, busy, upstream=opa.port) as (port, requests),
            server_point(port, policy.revision) as point,
        ):
            assert (await point.decide(QUESTION)).document == policy.answer(QUESTION)
            assert len(requests) == 3

    async def test_one_timeout_of_a_second_and_a_half(
        self, opa: OpaServer, policy: WasmPolicy
    ) -> None:
        async with server_point(opa.port, policy.revision) as point:
            await point.check()
            opa.freeze()
            try:
                patient = asyncio.create_task(point.decide(QUESTION))
                async with AsyncOpaClient(port=opa.port) as client:
                    with pytest.raises(TimeoutError):
                        await client.query_rule(QUESTION.content, "athena.visibility", "decisions")
            finally:
                opa.thaw()
            assert (await patient).document == policy.answer(QUESTION)

    async def test_a_deadline_for_all_attempts_together(
        self, opa: OpaServer, policy: WasmPolicy
    ) -> None:
        async with server_point(opa.port, policy.revision, deadline=0.1) as point:
            opa.freeze()
            try:
                assert await fault(point) is Fault.DEADLINE
            finally:
                opa.thaw()

    async def test_no_authority_of_ones_own(self, policy: WasmPolicy, tmp_path: Path) -> None:
        files = make_certificates(tmp_path)
        arguments = (f"--tls-cert-file={files[1]}", f"--tls-private-key-file={files[2]}")
        async with running_opa(*arguments) as opa:
            async with AsyncOpaClient(host="127.0.0.1", port=opa.port, ssl=True) as client:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await client.query_rule({}, "athena.visibility", "decisions")
            async with server_point(
                opa.port, policy.revision, scheme="https", opa_ca_file=files[0]
            ) as point:
                assert (await point.decide(QUESTION)).document == policy.answer(QUESTION)
            async with server_point(opa.port, policy.revision, scheme="https") as point:
                assert await fault(point) is Fault.UNREACHABLE
            address = ServerAddress.of(
                Settings(opa_url=f"https://localhost:{opa.port}", opa_ca_file=files[0])
            )
            point = await ServerPoint.open(address, policy.revision, deadline_seconds=PATIENT)
            assert await fault(point) is Fault.UNREACHABLE  # the certificate is of 127.0.0.1
            await point.close()


class TestWrongBundle:
    @pytest.mark.parametrize("revision", ["", "older"])
    async def test_another_revision_is_no_decision(
        self, policy: WasmPolicy, tmp_path: Path, revision: str
    ) -> None:
        bundle = make_bundle(tmp_path, revision, "decisions := []")
        async with (
            running_opa(bundle=bundle) as opa,
            server_point(opa.port, policy.revision) as point,
        ):
            assert await fault(point) is Fault.REVISION
            with pytest.raises(NoDecisionError) as denied:
                await point.check()
            assert denied.value.fault is Fault.REVISION

    async def test_answers_from_two_bundles_arent_believed(self, policy: WasmPolicy) -> None:
        own = {"revision": policy.revision}
        both = {"provenance": {"bundles": {"one": own, "two": own}}, "result": []}
        async with (
            answering(http(json.dumps(both).encode())) as (port, _),
            server_point(port, policy.revision) as point,
        ):
            assert await fault(point) is Fault.REVISION


class TestComingBack:
    async def test_after_a_restart_with_connections_left_over(self, policy: WasmPolicy) -> None:
        async with running_opa() as opa, server_point(opa.port, policy.revision) as point:
            await point.decide(QUESTION)
            await opa.stop()
            await opa.start()
            assert (await point.decide(QUESTION)).document == policy.answer(QUESTION)

    async def test_a_server_that_is_down_isnt_asked_at_every_question(
        self, policy: WasmPolicy
    ) -> None:
        now = [0.0]
        breaker = CircuitBreaker(clock=lambda: now[0])
        async with (
            stopped_opa() as opa,
            server_point(opa.port, policy.revision, breaker=breaker) as point,
        ):
            faults = [await fault(point) for _ in range(FAILURES + 1)]
            assert faults == [Fault.UNREACHABLE] * FAILURES + [Fault.CIRCUIT_OPEN]
            await opa.start()
            assert await fault(point) is Fault.CIRCUIT_OPEN
            now[0] += PAUSE_SECONDS
            assert (await point.decide(QUESTION)).document == policy.answer(QUESTION)


def test_the_question_of_a_check_is_about_no_label(policy: WasmPolicy) -> None:
    assert policy.answer(NO_LABELS).decisions == ()


def make_certificates(directory: Path) -> tuple[Path, Path, Path]:
    """Write an authority's certificate, and the certificate and key of a server at 127.0.0.1."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
    now = datetime.now(UTC)

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    of_authority = (
        certificate(authority, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    of_server = (
        certificate(x509.Name([]), key.public_key())
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True
        )
        .sign(authority_key, hashes.SHA256())
    )
    files = (directory / "authority.pem", directory / "server.pem", directory / "key.pem")
    files[0].write_bytes(of_authority.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(of_server.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
