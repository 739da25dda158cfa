"""The canonical form, keys and signatures: nothing but what was signed verifies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from athena.platform.kernel.errors import InvalidInputError
from athena.policies.agreements.document import LIFE_FIELDS
from athena.policies.agreements.founding import baseline
from athena.policies.agreements.signing import (
    DetachedSignature,
    canonical,
    check_document,
    digest_of,
    key_id,
    load_private_key,
    load_public_key,
    new_key,
    parse_document,
    public_pem,
    raw_public_key,
    sign,
    verifies,
)


@pytest.fixture
def document() -> dict[str, Any]:
    return baseline()[0].document.model_dump(mode="json")


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


class TestCanonical:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            # RFC 8785, 3.2.2 and 3.2.4: numbers, escapes, literals, the order of names
            (
                '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
                '"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",'
                '"literals": [null, true, false]}',
                '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
                '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
            ),
            # RFC 8785, 3.2.3: by UTF-16 code units, not by code points
            (
                '{"\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter",'
                '"1": "One", "\\ud83d\\ude00": "Smiley", "\\u0080": "Control",'
                '"\\u00f6": "Latin Small Letter O With Diaeresis"}',
                '{"\\r":"Carriage Return","1":"One","\x80":"Control",'
                '"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Smiley",'
                '"\ufb33":"Hebrew Letter"}',
            ),
        ],
        ids=["numbers, escapes, literals", "names"],
    )
    def test_is_that_of_rfc_8785(self, text: str, expected: str) -> None:
        assert canonical(json.loads(text)) == expected.encode()

    def test_the_order_of_names_and_the_life_are_no_part_of_it(
        self, document: dict[str, Any]
    ) -> None:
        turned = dict(reversed(document.items()))
        life: dict[str, Any] = {"status": "in_force", "signatories": [], "suspended_reason": None}
        assert set(life) == set(LIFE_FIELDS)
        assert canonical(document) == canonical(turned) == canonical({**document, **life})

    def test_what_it_cant_hold_is_refused(self) -> None:
        for value in (2**53, float("nan"), "\ud800"):
            with pytest.raises(InvalidInputError):
                canonical({"value": value})


class TestDocument:
    @pytest.mark.parametrize(
        "text",
        [b"{", b"", b"\xff", b"[]", b"null", b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}'],
        ids=str,
    )
    def test_only_a_json_object_without_repeated_names_is_read(self, text: bytes) -> None:
        with pytest.raises(InvalidInputError):
            parse_document(text)

    def test_every_fault_is_named(self, document: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError) as refused:
            check_document({**document, "version": 0, "colour": "blue"})
        fields = {error["field"] for error in refused.value.extra["errors"]}
        assert fields == {"/document/version", "/document/colour"}


class TestSignature:
    def test_verifies_over_what_was_signed(
        self, document: dict[str, Any], key: Ed25519PrivateKey
    ) -> None:
        signed = sign(document, key)
        public = raw_public_key(key.public_key())
        assert signed.digest == digest_of(document).hex()
        assert signed.key == key_id(public)
        assert verifies(canonical(document), public, bytes.fromhex(signed.signature))
        assert DetachedSignature.parse(signed.model_dump_json()) == signed

    @pytest.mark.parametrize(
        "changes",
        [
            {"retention_days": 366},
            {"valid_to": "2041-03-31"},
            {"purposes": {"custody": {"level": "pointer", "groups": [], "obligations": []}}},
            {"version": 2},
        ],
        ids=str,
    )
    def test_is_of_no_other_document(
        self, document: dict[str, Any], key: Ed25519PrivateKey, changes: dict[str, Any]
    ) -> None:
        signed = bytes.fromhex(sign(document, key).signature)
        public = raw_public_key(key.public_key())
        altered = {**document, **changes}
        assert not verifies(canonical(altered), public, signed)
        assert digest_of(altered) != digest_of(document)

    def test_is_by_no_other_key(self, document: dict[str, Any], key: Ed25519PrivateKey) -> None:
        signed = bytes.fromhex(sign(document, key).signature)
        other = raw_public_key(Ed25519PrivateKey.generate().public_key())
        assert not verifies(canonical(document), other, signed)
        assert not verifies(canonical(document), b"short", signed)
        assert not verifies(canonical(document), raw_public_key(key.public_key()), signed[:-1])

    def test_only_an_agreement_is_signed(self, key: Ed25519PrivateKey) -> None:
        with pytest.raises(InvalidInputError):
            sign({"title": "Something else"}, key)

    @pytest.mark.parametrize("text", ["", "{}", "signature", '{"agreement": 1}'])
    def test_what_isnt_one_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInputError, match="isn't a detached signature"):
            DetachedSignature.parse(text)


class TestKeys:
    def test_a_new_key_is_read_back(self) -> None:
        private, public = new_key()
        key = load_private_key(private)
        assert public_pem(key) == public
        assert load_public_key(public) == raw_public_key(key.public_key())

    def test_another_kind_of_key_is_refused(self) -> None:
        other = generate_private_key(SECP256R1())
        private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(InvalidInputError, match="Ed25519"):
            load_private_key(private)
        with pytest.raises(InvalidInputError, match="Ed25519"):
            load_public_key(public)

    @pytest.mark.parametrize("pem", [b"", b"key", b"-----BEGIN PUBLIC KEY-----\n"])
    def test_what_isnt_a_key_is_refused(self, pem: bytes) -> None:
        for load in (load_private_key, load_public_key):
            with pytest.raises(InvalidInputError, match="readable"):
                load(pem)
