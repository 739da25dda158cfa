"""Passwords derive from one secret; verifiers are PostgreSQL's."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.credentials import login_password, scram_verifier
from athena.platform.kernel.errors import ConfigurationError, NotSignedInError
from athena.platform.kernel.settings import Environment, Settings, load_settings
from athena.platform.kernel.tokens import TokenIssuer

SECRET = b"0" * 32


@given(st.text("abcdefghij_", min_size=1), st.integers(1, 99))
def test_a_password_is_the_same_in_every_process_and_no_other_logins(
    login: str, version: int
) -> None:
    password = login_password(SECRET, login, version)
    assert password == login_password(SECRET, login, version)
    assert password != login_password(SECRET, login + "x", version)
    assert password != login_password(SECRET, login, version + 1)
    assert len(base64.urlsafe_b64decode(password + "=")) == 32


def test_the_verifier_proves_the_password() -> None:
    verifier = scram_verifier("secret", b"salt" * 4)
    scheme, iterations_salt, keys = verifier.split("$")
    iterations, salt = iterations_salt.split(":")
    stored, server = (base64.b64decode(key) for key in keys.split(":"))
    salted = hashlib.pbkdf2_hmac("sha256", b"secret", base64.b64decode(salt), int(iterations))
    client = hmac.digest(salted, b"Client Key", "sha256")
    assert scheme == "SCRAM-SHA-256"
    assert hashlib.sha256(client).digest() == stored
    assert hmac.digest(salted, b"Server Key", "sha256") == server


class TestTokens:
    def test_a_token_names_its_member(self, tmp_path: Path) -> None:
        issuer = TokenIssuer.open(Settings(), tmp_path)
        member = uuid4()
        assert TokenIssuer.open(Settings(), tmp_path).verify(issuer.issue(member)) == member

    def test_another_key_and_an_old_token_are_refused(self, tmp_path: Path) -> None:
        issuer = TokenIssuer.open(Settings(), tmp_path / "one")
        other = TokenIssuer.open(Settings(), tmp_path / "two")
        for token in (other.issue(uuid4()), issuer.issue(uuid4(), seconds=-1), "", "a.b.c"):
            with pytest.raises(NotSignedInError):
                issuer.verify(token)

    def test_the_door_is_shut_in_production(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="production"):
            TokenIssuer.open(Settings(env=Environment.PRODUCTION), tmp_path)


def test_a_wrong_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHENA_PORT", "eighty")
    with pytest.raises(ConfigurationError, match=r"^ATHENA_PORT can't be used"):
        load_settings()
