"""A signature counts for the message that it was made over, and for no other."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import AthenaError
from athena.policies.agreements.signing import raw_public_key
from athena.sharing.ppss.problems import ClockSkewedError, DigestMismatchError
from athena.sharing.ppss.signatures.models import Message
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from athena.sharing.ppss.signatures.verifying import _Fields, _OneKey, _View, examine, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = raw_public_key(KEY.public_key())
ASKER = Asker(KEY, "j.smith", "social worker", "ATH-ISA-20")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
URL = "https://athena.test/ppss/v1/person-checks"
BODY = b'{"person": {}}'


def message(
    body: bytes = BODY, *, now: datetime = NOW, nonce: str = "a-nonce-of-some-length"
) -> Message:
    headers = signed_headers(ASKER, "POST", URL, body, idempotency_key="once", now=now, nonce=nonce)
    return Message("POST", URL, list(headers.items()), body)


def check(sent: Message, now: datetime = NOW) -> str:
    """Return who asks by a message that counts now."""
    claimed = examine(sent, now)
    # The library looks at the clock itself, so it is only asked about what is of now.
    return verify(sent, claimed, PUBLIC).user


def of_now() -> Message:
    return message(now=datetime.now(UTC))


def test_it_counts_for_its_message() -> None:
    assert check(of_now(), datetime.now(UTC)) == "j.smith"


@given(
    st.integers(min_value=0, max_value=11),
    st.integers(min_value=0, max_value=10_000),
    st.integers(min_value=33, max_value=126),
)
def test_no_character_of_it_can_be_changed(field: int, place: int, character: int) -> None:
    sent = of_now()
    names = [*range(len(sent.fields)), "url", "method", "body"]
    chosen = names[field % len(names)]
    if chosen == "url":
        changed = replace(sent, url=edit(sent.url, place, chr(character)))
    elif chosen == "method":
        changed = replace(sent, method=edit(sent.method, place, chr(character)))
    elif chosen == "body":
        changed = replace(sent, body=edit(sent.body.decode(), place, chr(character)).encode())
    else:
        fields = list(sent.fields)
        name, value = fields[int(chosen)]
        fields[int(chosen)] = (name, edit(value, place, chr(character)))
        changed = replace(sent, fields=fields)
    if means_the_same(sent, changed):
        return
    with pytest.raises(AthenaError):
        check(changed, datetime.now(UTC))


def edit(text: str, place: int, character: str) -> str:
    at = place % len(text)
    return text[:at] + character + text[at + 1 :]


def means_the_same(sent: Message, changed: Message) -> bool:
    """Tell whether a change is one that RFC 9421 doesn't cover.

    The label, in both fields at once, isn't signed; an unused bit of base64 says nothing; the
    scheme and the host are compared without regard to case.
    """
    if changed == sent or changed.url.lower() == sent.url.lower():
        return True
    before, after = dict(sent.fields)["Signature"], dict(changed.fields)["Signature"]
    return before != after and before[:-4] == after[:-4]


@pytest.mark.parametrize("seconds", [-121, 121, -86_400])
def test_it_is_of_now(seconds: int) -> None:
    with pytest.raises(ClockSkewedError):
        examine(message(now=NOW + timedelta(seconds=seconds)), NOW)


@pytest.mark.parametrize("seconds", [-119, 0, 119])
def test_two_minutes_of_skew_are_allowed(seconds: int) -> None:
    assert examine(message(now=NOW + timedelta(seconds=seconds)), NOW).nonce


def test_without_a_body_the_digest_is_of_no_bytes() -> None:
    moment = datetime.now(UTC)
    headers = signed_headers(ASKER, "GET", URL, now=moment)
    assert check(Message("GET", URL, list(headers.items()), b""), moment) == "j.smith"
    headers.pop("Content-Digest")
    with pytest.raises(AthenaError):
        check(Message("GET", URL, list(headers.items()), b""), moment)


def test_the_librarys_defaults_accept_what_is_refused_here() -> None:
    """The traps that are closed: a tampered body, an old message, a replay, another tag."""
    moment = datetime.now(UTC) - timedelta(hours=1)
    sent = replace(message(now=moment), body=b"tampered")
    claimed_key = dict(sent.fields)["Signature-Input"].split('keyid="')[1][:64]
    verifier = HTTPMessageVerifier(
        signature_algorithm=ED25519, key_resolver=_OneKey(claimed_key, KEY.public_key())
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            (result,) = verifier.verify(_View(sent.method, sent.url, _Fields(sent.fields)))
    assert result.nonce == "a-nonce-of-some-length"
    with pytest.raises(ClockSkewedError):
        examine(sent, datetime.now(UTC))
    with pytest.raises(DigestMismatchError):
        examine(sent, moment)
