"""Partner organisations for tests: registered, with keys, agreements and people to ask about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.document import Agreement
from athena.policies.agreements.founding import baseline, found
from athena.policies.agreements.signing import public_pem
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import Platform

WHY = "A test of partners"
CHECKS = "/ppss/v1/person-checks"
BASE = "http://athena.test"
CONTACT = {
    "kind": "operations",
    "unit": "Duty desk",
    "email": "desk@shelter.example",
    "telephone": "01234 567890",
}


def agreement(reference: str, partner: str, **changes: Any) -> Agreement:
    """Return an agreement in force by which Essex shares with a partner, with changes."""
    document: dict[str, Any] = baseline()[0].model_dump(mode="json")
    owners = changes.pop("owners", ("essex",))
    parties = [{"tenant": owner, "role": "owner"} for owner in owners]
    parties.append({"tenant": partner, "role": "partner"})
    document |= {
        "id": str(uuid4()),
        "reference": reference,
        "title": "Essex: a test's agreement with a partner",
        "parties": parties,
        "purposes": {
            "safeguarding": {"level": "full", "groups": ["addresses", "markers"]},
            "missing_person": {"level": "summary"},
        },
        "marking_ceiling": "OFFICIAL",
        "handling_ceiling": "P",
        "sensitive_processing": False,
        "signatories": [
            {"tenant": party["tenant"], "office": "Chief officer", "signed_on": "2026-03-16"}
            for party in parties
        ],
        **changes,
    }
    return Agreement.model_validate(document)


def person(surname: str, given: str, born: str, **changes: Any) -> dict[str, Any]:
    """Return a nominal with a row in most groups."""
    return {
        "names": [{"given_names": given, "surname": surname}],
        "sex": "F",
        "date_of_birth": born,
        "addresses": [{"location": {"street": "Mill Lane", "postcode": "CM1 1QH"}}],
        "contacts": [{"kind": "telephone", "value": "07700900123"}],
        "markers": [{"code": "violent"}],
        "assessments": [{"basis": "officer", "text": "May be at risk at home."}],
        **changes,
    }


@dataclass
class Partners:
    """Calls of partners on a running platform, and the client body's acts."""

    platform: Platform
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    async def act(self, path: str, body: Mapping[str, Any], account: str = "amo.admin") -> Any:
        """Do something as a member, and return the answer."""
        answer = await self.platform.client.post(
            f"/api/v1/{path}",
            json={"reason": WHY, **body},
            headers=await self.platform.headers(account),
        )
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def onboard(self, slug: str, **fields: Any) -> Ed25519PrivateKey:
        """Create and register a partner with a key, and return the key."""
        tenant = {
            "kind": "partner",
            "slug": slug,
            "name": slug.title(),
            "contact_unit": "Duty desk",
            "contact_email": "desk@shelter.example",
            "contact_telephone": "01234 567890",
        }
        await self.act("tenants", tenant)
        await self.act("partners", {"partner": slug, "contacts": [CONTACT], **fields})
        self.keys[slug] = await self.add_key(slug)
        return self.keys[slug]

    async def add_key(self, slug: str, **fields: Any) -> Ed25519PrivateKey:
        """Register a new key of a partner, and return it."""
        key = Ed25519PrivateKey.generate()
        body = {"public_key": public_pem(key).decode(), **fields}
        await self.act(f"partners/{slug}/keys", body)
        return key

    async def agree(self, slug: str, *agreements: Agreement, **caps: int) -> None:
        """Store agreements and let a partner ask under them."""
        async with self.platform.runtime.database.write("athena_amo") as session:
            await found(session, agreements)
        for item in agreements:
            body = {"agreement": item.reference, **caps}
            await self.act(f"partners/{slug}/agreements", body)

    def asker(self, slug: str, reference: str, **changes: Any) -> Asker:
        """Return who asks at a partner under an agreement."""
        return Asker(
            **{
                "key": self.keys[slug],
                "user": "j.smith",
                "role": "social worker",
                "agreement": reference,
                **changes,
            }
        )

    async def check(self, asker: Asker, key: str | None = None, **fields: Any) -> httpx.Response:
        """Make a person check; ``fields`` are those of the person, ``_body`` others."""
        return await self.send(asker, question(**fields), key=key or uuid4().hex)

    async def send(self, asker: Asker, body: bytes, key: str) -> httpx.Response:
        """Send a signed check with a body as it stands."""
        headers = signed_headers(asker, "POST", BASE + CHECKS, body, idempotency_key=key)
        return await self.platform.client.post(CHECKS, content=body, headers=headers)

    async def get(self, asker: Asker, path: str) -> httpx.Response:
        """Read something."""
        headers = signed_headers(asker, "GET", BASE + path)
        return await self.platform.client.get(path, headers=headers)


def question(
    family_name: str = "Nobody",
    given_names: str = "Known",
    date_of_birth: str | None = "1990-01-01",
    purpose: str = "safeguarding",
    **more: Any,
) -> bytes:
    """Return the body of a check."""
    asked: dict[str, Any] = {"family_name": family_name, "given_names": given_names}
    if date_of_birth:
        asked["date_of_birth"] = date_of_birth
    body = {
        "person": asked,
        "purpose": purpose,
        "reason": "A referral from a school",
        "case_reference": "CASE-1",
        **more,
    }
    return json.dumps(body).encode()
