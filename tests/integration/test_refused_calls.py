"""Calls of partners that must fail, each with a problem type of its own and nothing disclosed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from athena.policies.agreements.signing import public_pem
from athena.sharing.ppss.signatures.signing import Asker
from athena.sharing.ppss.signatures.verifying import content_digest
from support.api import running_platform
from support.cluster import Cluster
from support.partners import CHECKS, question
from support.refused import (
    ASKED,
    GOOD,
    KNOWN,
    LEDGER,
    SHARES,
    TOLD,
    Call,
    World,
    ago,
    asked,
    broken_signature,
    doubled,
    identify,
    prepared_world,
    replaced,
    told,
)
from support.waiting import early_in_the_hour


@pytest.fixture(scope="module")
async def world(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("refused")
    async with running_platform(cluster.store(name), directory) as platform:
        yield await prepared_world(platform)
    await cluster.drop(name)


Case = tuple[str, Callable[[], dict[str, Any]], int, str]

CASES: list[Case] = [
    # The signature itself.
    ("unsigned", lambda: {"after": {"Signature": None, "Signature-Input": None}}, 401,
     "signature-missing"),
    ("no signature, only its input", lambda: {"after": {"Signature": None}}, 401,
     "signature-malformed"),
    ("no input of the signature", lambda: {"after": {"Signature-Input": None}}, 401,
     "signature-malformed"),
    ("nonsense for a signature", lambda: {"after": {"Signature": "%%%"}}, 401,
     "signature-malformed"),
    ("another label", lambda: {"edit": replaced("athena=", "x=", "Signature")}, 401,
     "signature-malformed"),
    ("two signatures", lambda: {"edit": doubled}, 401, "signature-malformed"),
    ("an unknown parameter", lambda: {"edit": replaced(";tag=", ";also=1;tag=")}, 401,
     "signature-malformed"),
    ("a list that is none", lambda: {"after": {"Signature-Input": "athena=1"}}, 401,
     "signature-malformed"),
    ("another tag", lambda: {"edit": replaced("athena-ppss", "other")}, 401,
     "signature-tag-unexpected"),
    ("no tag", lambda: {"edit": replaced(';tag="athena-ppss"', "")}, 401,
     "signature-tag-unexpected"),
    ("another algorithm", lambda: {"edit": replaced("ed25519", "rsa-v1_5-sha256")}, 401,
     "algorithm-not-allowed"),
    ("no algorithm at all", lambda: {"edit": replaced('alg="ed25519"', 'alg=""')}, 401,
     "algorithm-not-allowed"),
    ("a short nonce", lambda: {"nonce": "short"}, 401, "signature-parameters-missing"),
    ("no created", lambda: {"edit": replaced(";created=", ";expires=")}, 401,
     "signature-parameters-missing"),
    ("a key id that is none", lambda: {"edit": replaced('keyid="', 'keyid="x')}, 401,
     "signature-parameters-missing"),
    ("a changed bit", lambda: {"edit": broken_signature}, 401, "signature-invalid"),
    ("another nonce", lambda: {"edit": replaced('nonce="', 'nonce="a')}, 401,
     "signature-invalid"),
    # What it covers.
    *((f"not covered: {name}", lambda name=name: {"edit": replaced(f' "{name}"', "")}, 401,
       "components-not-covered")
      for name in ("@target-uri", "content-digest", "date", "athena-user", "athena-role",
                   "athena-agreement", "content-type", "idempotency-key")),
    ("not covered: @method", lambda: {"edit": replaced('"@method" ', "")}, 401,
     "components-not-covered"),
    ("the user covered as a structured field", lambda: {
        "edit": replaced('"athena-user"', '"athena-user";sf')}, 401, "components-not-covered"),
    ("the target's path alone", lambda: {"edit": replaced('"@target-uri"', '"@path"')}, 401,
     "components-not-covered"),
    # The message.
    ("a changed body", lambda: {"sent_body": asked(reason="Another reason")}, 401,
     "content-digest-mismatch"),
    ("a changed body with its digest", lambda: {
        "sent_body": asked(reason="Another"),
        "after": {"Content-Digest": content_digest(asked(reason="Another"))}}, 401,
     "signature-invalid"),
    ("no digest", lambda: {"after": {"Content-Digest": None}}, 401, "content-digest-mismatch"),
    ("a digest of another kind", lambda: {"after": {
        "Content-Digest": "sha-512=:" + base64.b64encode(
            hashlib.sha512(question(**KNOWN)).digest()).decode() + ":"}}, 401,
     "content-digest-mismatch"),
    ("another target", lambda: {"signed_path": LEDGER}, 401, "signature-invalid"),
    ("another query", lambda: {"path": CHECKS + "?more=1", "signed_path": CHECKS}, 401,
     "signature-invalid"),
    ("another host", lambda: {"after": {"Host": "elsewhere.test"}}, 401, "signature-invalid"),
    ("another user", lambda: {"after": {"Athena-User": "k.jones"}}, 401, "signature-invalid"),
    ("another role", lambda: {"after": {"Athena-Role": "manager"}}, 401, "signature-invalid"),
    ("the agreement changed", lambda: {"after": {"Athena-Agreement": "ATH-ISA-7120"}}, 401,
     "signature-invalid"),
    ("another idempotency key", lambda: {"after": {"Idempotency-Key": "other"}}, 401,
     "signature-invalid"),
    ("too old", lambda: {"now": ago(130)}, 401, "clock-skewed"),
    ("from the future", lambda: {"now": ago(-130)}, 401, "clock-skewed"),
    ("no date", lambda: {"after": {"Date": None}}, 401, "clock-skewed"),
    ("a date that is none", lambda: {"after": {"Date": "yesterday"}}, 401, "clock-skewed"),
    ("an old date, signed now", lambda: {"more": {"Date": "Tue, 24 Nov 2020 09:00:00 GMT"}}, 401,
     "clock-skewed"),
    ("expired by itself", lambda: {"edit": replaced(";tag=", ";expires=1;tag=")}, 401,
     "signature-expired"),
    # Whose it is.
    ("an unknown key", lambda: {"asker": "unknown key"}, 401, "key-unknown"),
    ("a revoked key", lambda: {"asker": "revoked"}, 401, "key-revoked"),
    ("a key that was replaced", lambda: {"asker": "rotated"}, 401, "key-rotated"),
    ("a key of tomorrow", lambda: {"asker": "early"}, 401, "key-not-yet-valid"),
    ("a suspended partner", lambda: {"asker": "suspended partner"}, 403, "partner-suspended"),
    # Under which agreement, and for what.
    ("another partner's agreement", lambda: {"asker": "other's agreement"}, 403,
     "agreement-not-yours"),
    ("an agreement that isn't there", lambda: {"asker": "no agreement"}, 403,
     "agreement-not-yours"),
    ("an agreement among forces", lambda: {"asker": "forces' agreement"}, 403,
     "agreement-not-yours"),
    ("expired", lambda: {"asker": "ATH-ISA-7102"}, 403, "agreement-expired"),
    ("suspended", lambda: {"asker": "ATH-ISA-7103"}, 403, "agreement-suspended"),
    ("overdue for review", lambda: {"asker": "ATH-ISA-7104"}, 403, "agreement-not-in-force"),
    ("its assessment expired", lambda: {"asker": "ATH-ISA-7105"}, 403, "agreement-not-in-force"),
    ("not begun", lambda: {"asker": "ATH-ISA-7106"}, 403, "agreement-not-in-force"),
    ("out for signature", lambda: {"asker": "ATH-ISA-7107"}, 403, "agreement-not-in-force"),
    ("ended for the partner", lambda: {"asker": "ATH-ISA-7108"}, 403, "agreement-ended"),
    ("stopped for review", lambda: {"asker": "ATH-ISA-7109"}, 403, "under-review"),
    ("another purpose", lambda: {"body": asked(purpose="custody")}, 403, "purpose-not-allowed"),
    ("data quality", lambda: {"body": asked(purpose="data_quality")}, 403, "purpose-not-allowed"),
    # The path, the body.
    ("an escaped path", lambda: {"path": "/ppss/v1/person%2Dchecks"}, 400, "path-not-canonical"),
    ("a path around a corner", lambda: {"path": "/ppss/v1/x/..%2fperson-checks"}, 404,
     "not-found"),
    ("a slash at the end", lambda: {"path": CHECKS + "/"}, 404, "not-found"),
    ("two slashes", lambda: {"path": "/ppss/v1//person-checks"}, 404, "not-found"),
    ("capitals", lambda: {"path": "/ppss/v1/Person-Checks"}, 404, "not-found"),
    ("another method", lambda: {"method": "PUT"}, 405, "method-not-allowed"),
    ("a body too large", lambda: {"body": asked(reason="x" * 70_000)}, 413, "body-too-large"),
    ("a form", lambda: {"more": {"Content-Type": "application/x-www-form-urlencoded"}}, 415,
     "content-type-not-accepted"),
    ("text", lambda: {"more": {"Content-Type": "text/plain"}}, 415, "content-type-not-accepted"),
    ("JSON in another alphabet", lambda: {
        "more": {"Content-Type": "application/json; charset=utf-16"}}, 415,
     "content-type-not-accepted"),
    ("no idempotency key", lambda: {"key": None}, 400, "idempotency-key-missing"),
    ("an unusable idempotency key", lambda: {"key": "a b"}, 400, "idempotency-key-missing"),
    ("no JSON", lambda: {"body": b"{"}, 400, "malformed-request"),
    ("no body", lambda: {"body": b""}, 400, "malformed-request"),
    ("an unknown field", lambda: {"body": asked(also=1)}, 422, "invalid-input"),
    ("no reason", lambda: {"body": asked(reason=None)}, 422, "invalid-input"),
    ("no case", lambda: {"body": asked(case_reference=None)}, 422, "invalid-input"),
    ("no purpose that is known", lambda: {"body": asked(purpose="curiosity")}, 422,
     "invalid-input"),
    ("a date of another shape", lambda: {"body": asked(date_of_birth="12/03/1984")},
     422, "invalid-input"),
    ("a date to come", lambda: {"body": asked(date_of_birth="2999-01-01")}, 422,
     "invalid-input"),
    ("no name", lambda: {"body": asked(given_names="")}, 422, "invalid-input"),
    # What came before.
    ("a nonce that was used", lambda: {"nonce": ASKED}, 401, "replayed"),
    ("a key of another question", lambda: {"key": ASKED}, 422, "idempotency-key-reused"),
    ("a key of somebody else's question", lambda: {
        "key": ASKED, "body": asked(given_names="Ngozi"), "user": "k.jones"}, 422,
     "idempotency-key-reused"),
    # What a partner tells a force.
    ("told: with a nonce that was used", lambda: told(asker=SHARES, nonce=TOLD), 401, "replayed"),
    ("told: with a nonce of a check", lambda: told(asker=SHARES, nonce=ASKED), 401, "replayed"),
    ("told: another concern by the same key", lambda: told(
        asker=SHARES, key=TOLD, concern="Another bruise."), 422, "idempotency-key-reused"),
    ("told: another person by the same key", lambda: told(
        asker=SHARES, key=TOLD, person={**KNOWN, "given_names": "Ngozi"}), 422,
     "idempotency-key-reused"),
    ("told: by somebody else with the same key", lambda: {
        **told(asker=SHARES, key=TOLD), "user": "k.jones"}, 422, "idempotency-key-reused"),
    ("told: under another's agreement", lambda: told(asker="other's agreement"), 403,
     "agreement-not-yours"),
    ("told: under one that expired", lambda: told(asker="ATH-ISA-7102"), 403,
     "agreement-expired"),
    ("told: where the partner doesn't share", told, 403, "submission-not-allowed"),
    ("told: to a force outside", lambda: told(force="kent"), 403, "submission-not-allowed"),
    ("told: for another purpose", lambda: told(purpose="custody"), 403, "purpose-not-allowed"),
    ("told: too much", lambda: told(concern="x" * 70_000), 413, "body-too-large"),
    ("told: as text", lambda: told(more={"Content-Type": "text/plain"}), 415,
     "content-type-not-accepted"),
    ("told: of an unknown kind", lambda: told(kind="rumour"), 422, "invalid-input"),
    ("told: an unknown field", lambda: told(state="accepted"), 422, "invalid-input"),
    ("told: without a key", lambda: told(key=None), 400, "idempotency-key-missing"),
    ("told: by somebody unknown", lambda: told(asker="unknown key"), 401, "key-unknown"),
    ("a user that is none", lambda: {"asker": "good", "user": "j smith"}, 400,
     "caller-field-invalid"),
]  # fmt: skip


async def lines(world: World) -> int:
    """Return how many disclosures the ledger holds, and how many items wait for a force."""
    async with world.platform.runtime.database.read("athena_auditor") as session:
        found: int = await session.value("SELECT count(*) FROM sharing.disclosure")
        told_of: int = await session.value(
            "SELECT count(*) FROM audit.event WHERE action = 'submissions.received'"
        )
    return found + told_of


def check_refused(answer: httpx.Response, status: int, slug: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:athena:problem:{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "records" not in answer.json()
    assert "Mill Lane" not in answer.text


@pytest.mark.parametrize(("name", "changes", "status", "slug"), CASES, ids=[c[0] for c in CASES])
async def test_refused(
    world: World, name: str, changes: Callable[[], dict[str, Any]], status: int, slug: str
) -> None:
    fields = changes()
    user = fields.pop("user", None)
    call = world.call(**fields)
    if user:
        call.asker = Asker(call.asker.key, user, call.asker.role, call.asker.agreement)
    before = await lines(world)
    check_refused(await call.send(world.platform), status, slug)
    assert await lines(world) == before, name


async def test_there_are_sixty_of_them_and_the_call_itself_is_answered(world: World) -> None:
    assert len(CASES) >= 60
    answer = await world.call().send(world.platform)
    assert (answer.status_code, answer.json()["result"]) == (200, "match")


@pytest.mark.parametrize("changes", [dict, lambda: told(asker=SHARES)], ids=["asked", "told"])
async def test_a_message_is_taken_once(world: World, changes: Callable[[], dict[str, Any]]) -> None:
    call = world.call(**changes(), nonce=uuid4().hex)
    assert (await call.send(world.platform)).status_code == 200
    before = await lines(world)
    check_refused(await call.send(world.platform), 401, "replayed")
    call.key = uuid4().hex
    check_refused(await call.send(world.platform), 401, "replayed")
    assert await lines(world) == before


async def test_a_refused_message_cannot_be_sent_again_either(world: World) -> None:
    call = world.call("ATH-ISA-7109", nonce=uuid4().hex)
    check_refused(await call.send(world.platform), 403, "under-review")
    check_refused(await call.send(world.platform), 401, "replayed")


@pytest.mark.parametrize(
    ("reference", "slug"),
    [("ATH-ISA-7110", "hourly-quota-spent"), ("ATH-ISA-7111", "daily-quota-spent")],
)
async def test_a_quota_that_is_spent(world: World, reference: str, slug: str) -> None:
    await early_in_the_hour()
    assert (await world.call(reference).send(world.platform)).status_code == 200
    answer = await world.call(reference).send(world.platform)
    check_refused(answer, 429, slug)
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_revocation_counts_at_once_and_an_overlap_lets_both_sign(world: World) -> None:
    partners = world.partners
    key = await partners.add_key("a-shelter")
    asker = partners.asker("a-shelter", GOOD, key=key)
    assert (await Call(asker).send(world.platform)).status_code == 200
    assert (await world.call().send(world.platform)).status_code == 200
    await partners.act(f"partners/a-shelter/keys/{identify(key)}/revoke", {})
    check_refused(await Call(asker).send(world.platform), 401, "key-revoked")
    answer = await world.platform.client.post(
        "/api/v1/partners/a-shelter/keys",
        json={"public_key": public_pem(key).decode(), "reason": "Once more"},
        headers=await world.platform.headers("amo.admin"),
    )
    assert answer.status_code == 409


async def test_refusals_after_the_signature_are_logged(world: World) -> None:
    check_refused(await world.call("ATH-ISA-7108").send(world.platform), 403, "agreement-ended")
    async with world.platform.runtime.database.read("athena_auditor") as session:
        row = await session.one(
            "SELECT e.username, t.slug, c.content FROM audit.event AS e "
            "JOIN audit.content AS c USING (at, event_id) JOIN tenants.tenant AS t "
            "ON t.tenant_id = e.tenant_id WHERE e.kind = 'refusal' ORDER BY e.at DESC LIMIT 1"
        )
    assert row is not None
    assert (row.username, row.slug) == ("j.smith (a-shelter)", "a-shelter")
    assert row.content["problem"] == "agreement-ended"
