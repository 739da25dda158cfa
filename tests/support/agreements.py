"""Signatories and their acts, for tests: keys of the test's own, and calls as each account."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.founding import baseline
from athena.policies.agreements.signing import public_pem, sign
from support.api import Platform

WHY = "A test of agreements"
AMO = "amo.admin"

MARKED: dict[str, Any] = {
    "names": [{"given_names": "Peregrine", "surname": "Underhill"}],
    "date_of_birth": "1971-01-02",
    "markers": [{"code": "violent"}],
}

_numbers = count(1000)


def new_reference() -> str:
    """Return a reference that no other test of this process uses."""
    return f"ATH-ISA-{next(_numbers)}"


def proposal(**changes: Any) -> dict[str, Any]:
    """Return a document that can be proposed: Essex shares with Kent."""
    document: dict[str, Any] = baseline()[0].document.model_dump(mode="json")
    del document["id"], document["version"]
    document |= {
        "reference": new_reference(),
        "title": "Essex: a test's agreement with Kent",
        "parties": [
            {"tenant": "essex", "role": "owner"},
            {"tenant": "kent", "role": "recipient"},
        ],
        "purposes": {
            "firearms_licensing": {"level": "full", "groups": ["markers"], "obligations": []}
        },
    }
    return document | changes


async def a_marked_nominal(platform: Platform) -> str:
    """Create Essex's nominal, which no agreement of the baseline shows for firearms licensing."""
    created = await platform.create("officer.essex", MARKED)
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


async def shown(platform: Platform, nominal: str) -> bool:
    """Whether an officer of Kent sees it for firearms licensing, in a new transaction."""
    answer = await platform.read("officer.kent", nominal, "firearms_licensing")
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


@dataclass
class Desk:
    """Agreements as their users call them."""

    platform: Platform
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    async def get(self, path: str, account: str = AMO) -> httpx.Response:
        """Read something."""
        return await self.platform.client.get(
            f"/api/v1/{path}", headers=await self.platform.headers(account)
        )

    async def post(self, path: str, body: Any, account: str = AMO) -> httpx.Response:
        """Do something."""
        return await self.platform.client.post(
            f"/api/v1/{path}", json=body, headers=await self.platform.headers(account)
        )

    async def act(self, reference: str, act: str, account: str = AMO) -> httpx.Response:
        """Take a step in an agreement's life."""
        return await self.post(f"agreements/{reference}/{act}", {"reason": WHY}, account)

    async def propose(self, document: dict[str, Any] | None = None) -> str:
        """Propose an agreement and return its reference."""
        document = document or proposal()
        body = {"document": document, "reason": WHY}
        answer = await self.post("agreements", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    async def document(self, reference: str, number: int = 1) -> dict[str, Any]:
        """Return the document of a version, as it is signed."""
        answer = await self.get(f"agreements/{reference}/versions/{number}/document")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = json.loads(answer.content)
        return found

    async def key(self, tenant: str) -> Ed25519PrivateKey:
        """Return a key of this desk's own for a tenant, registered when it is new."""
        if tenant not in self.keys:
            key = Ed25519PrivateKey.generate()
            await self.register(tenant, key)
            self.keys[tenant] = key
        return self.keys[tenant]

    async def register(self, tenant: str, key: Ed25519PrivateKey, **fields: Any) -> httpx.Response:
        """Register a key of a tenant."""
        body = {"tenant": tenant, "office": "Chief constable", **fields}
        body["public_key"] = public_pem(key).decode()
        answer = await self.post("signatory-keys", body)
        assert answer.status_code == 201, answer.text
        return answer

    async def signature(self, reference: str, tenant: str, number: int = 1) -> dict[str, Any]:
        """Return a party's detached signature of a version."""
        document = await self.document(reference, number)
        return sign(document, await self.key(tenant)).model_dump(mode="json")

    async def sign(self, reference: str, tenant: str, number: int = 1) -> httpx.Response:
        """Sign a version for a party, and hand the signature in as its signatory."""
        signed = await self.signature(reference, tenant, number)
        return await self.post(f"agreements/{reference}/signatures", signed, f"signatory.{tenant}")

    async def in_force(self, document: dict[str, Any] | None = None) -> str:
        """Take an agreement of Essex with Kent into force and return its reference."""
        reference = await self.propose(document)
        assert (await self.act(reference, "send")).status_code == 200
        for tenant in ("essex", "kent"):
            signed = await self.sign(reference, tenant)
            assert signed.status_code == 200, signed.text
        assert signed.json()["status"] == "in_force"
        return reference

    async def status(self, reference: str, number: int = 1) -> str:
        """Return the status of a version as people read it."""
        answer = await self.get(f"agreements/{reference}/versions")
        (found,) = (item for item in answer.json() if item["version"] == number)
        return str(found["status"])
