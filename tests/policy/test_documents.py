"""The documents say what the code says: codes, sentences, and the baseline's agreements."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from athena.platform.kernel.identity import FieldGroup, Level
from athena.policies.agreements.document import Agreement, AgreementStatus
from athena.policies.agreements.founding import baseline
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.reasons import Obligation, Reason
from athena.tenants.consortium import FORCE_SLUGS

ROOT = Path(__file__).parents[2]
RULES = ROOT / "policies" / "rego" / "athena" / "visibility" / "visibility.rego"
ALL = frozenset(FieldGroup)

# What docs/agreements.md sets apart from its "unless an agreement below says otherwise".
EXCEPTIONS: dict[str, dict[str, object]] = {
    "Covers sensitive processing": {"sensitive_processing": True},
    "allows onward sharing": {"onward_sharing": True},
    "Its review was due on 30 September 2026": {"review_due": date(2026, 9, 30)},
    "Suspects and convicted persons only": {"subject_categories": ("suspect", "convicted")},
    "OFFICIAL only": {"marking_ceiling": "OFFICIAL"},
    "Handling code P only": {"handling_ceiling": "P"},
    "restricted records aren't shown at all": {"restricted_level": "none"},
    "Suspended on 2 November 2026": {"status": AgreementStatus.SUSPENDED},
    "still out for signature": {"status": AgreementStatus.OUT_FOR_SIGNATURE},
}
ORDINARY: dict[str, object] = {
    "sensitive_processing": False,
    "onward_sharing": False,
    "review_due": date(2030, 3, 31),
    "dpia_expires": date(2030, 3, 31),
    "valid_from": date(2026, 4, 1),
    "valid_to": date(2031, 3, 31),
    "subject_categories": ("suspect", "convicted", "victim", "witness", "other"),
    "record_classes": ("nominal", "investigation", "intelligence", "custody", "case"),
    "marking_ceiling": "OFFICIAL-SENSITIVE",
    "handling_ceiling": "C",
    "restricted_level": "pointer",
    "status": AgreementStatus.IN_FORCE,
}


def rows(document: str) -> Iterator[list[str]]:
    """Yield the cells of every line of every table of a document."""
    for line in (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


TOLD = {cells[0].strip("*"): cells[1:] for cells in rows("agreements.md") if "ATH-" in cells[0]}


class TestCodes:
    def test_every_code_of_the_rules_has_its_sentence_and_no_other(self) -> None:
        quoted = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', RULES.read_text(encoding="utf-8")))
        others = {
            "expires_in",
            "in_force",
            "data_quality",
            "records_manager",
            "data_protection_officer",
            "partner_caller",
            "record_classes",
            *Agreement.model_fields,
        }
        codes = {code.value for code in (*Reason, *Obligation)}
        assert quoted - others == {code for code in codes if "_" in code}
        assert all(f'"{code}"' in RULES.read_text(encoding="utf-8") for code in codes)

    def test_the_document_tells_every_code_in_the_same_sentence(self) -> None:
        told = {
            cells[0].strip("`"): cells[1]
            for cells in rows("policy.md")
            if len(cells) == 2 and cells[0].startswith("`")
        }
        assert told == {code.value: code.sentence for code in (*Reason, *Obligation)}

    @pytest.mark.parametrize("codes", [Reason, Obligation])
    def test_codes_stand_in_the_order_of_the_alphabet(
        self, codes: type[Reason] | type[Obligation]
    ) -> None:
        assert [code.value for code in codes] == sorted(code.value for code in codes)


def forces(names: str) -> set[str]:
    """Return the slugs of the forces that a text names."""
    return {slug for slug in FORCE_SLUGS if slug.replace("-", " ").title() in names}


def parties(text: str) -> set[tuple[str, str]]:
    """Return (owner, recipient) for every pair between which a text lets records cross."""
    sentence = text.split(". ")[0]
    if "each with the other" in sentence:
        members = forces(sentence)
        return {(owner, other) for owner in members for other in members - {owner}}
    owner, receiving = sentence.split(" with ")
    (slug,) = forces(owner)
    named = forces(receiving)
    recipients = set(FORCE_SLUGS) - named - {slug} if "every other" in receiving else named
    return {(slug, recipient) for recipient in recipients}


def groups(text: str) -> frozenset[FieldGroup]:
    """Return the groups that a text such as "all but assessments" names."""
    if text == "all seven groups":
        return ALL
    if text.startswith("all but "):
        return ALL - {FieldGroup(text.removeprefix("all but "))}
    return frozenset(FieldGroup(name) for name in text.split(", "))


def purposes(text: str) -> dict[str, tuple[Level, frozenset[FieldGroup]]]:
    """Return what each purpose shows, from a text such as "custody: full with markers"."""
    told = {}
    for part in text.split(" · "):
        names, shown = part.split(": ")
        level, _, listed = shown.partition(" with ")
        for name in names.split(", "):
            told[name.replace(" ", "_")] = (
                Level(level),
                groups(listed) if listed else frozenset[FieldGroup](),
            )
    return told


class TestAgreements:
    def test_every_agreement_is_told(self) -> None:
        assert list(TOLD) == [agreement.reference for agreement in baseline()]

    @pytest.mark.parametrize("agreement", baseline(), ids=lambda agreement: agreement.reference)
    def test_parties(self, agreement: Agreement) -> None:
        owners = {party.tenant for party in agreement.parties if party.role == "owner"}
        recipients = {party.tenant for party in agreement.parties if party.role == "recipient"}
        crossing = {(one, other) for one in owners for other in recipients if one != other}
        assert crossing == parties(TOLD[agreement.reference][0])

    @pytest.mark.parametrize("agreement", baseline(), ids=lambda agreement: agreement.reference)
    def test_purposes(self, agreement: Agreement) -> None:
        terms = {
            purpose.value: (terms.level, frozenset(terms.groups))
            for purpose, terms in agreement.purposes.items()
        }
        assert terms == purposes(TOLD[agreement.reference][1])

    @pytest.mark.parametrize("agreement", baseline(), ids=lambda agreement: agreement.reference)
    def test_everything_else_is_ordinary_or_told(self, agreement: Agreement) -> None:
        text = TOLD[agreement.reference][0]
        expected = dict(ORDINARY)
        for words, changes in EXCEPTIONS.items():
            if words in text:
                expected |= changes
        assert {name: getattr(agreement, name) for name in expected} == expected

    @pytest.mark.parametrize("agreement", baseline(), ids=lambda agreement: agreement.reference)
    def test_signatures(self, agreement: Agreement) -> None:
        signed = {signatory.tenant for signatory in agreement.signatories}
        missing = {party.tenant for party in agreement.parties} - signed
        text = TOLD[agreement.reference][0]
        assert missing == (forces(text.split("**")[1]) if "hasn't signed" in text else set())


def test_the_bundle_is_built_from_the_rules_that_stand_here(policy: WasmPolicy) -> None:
    builder = runpy.run_path(str(ROOT / "policies" / "build_bundle.py"))
    assert policy.revision == builder["revision"]()


def test_a_servers_bundle_holds_the_same_rules_and_nothing_else(policy: WasmPolicy) -> None:
    builder = runpy.run_path(str(ROOT / "policies" / "build_bundle.py"))
    files = builder["unpacked"]((builder["BUNDLE"] / builder["SERVER_BUNDLE"]).read_bytes())
    manifest = json.loads(files.pop("/.manifest"))
    assert manifest == {"revision": policy.revision, "roots": [""], "rego_version": 1}
    assert json.loads(files.pop("/data.json")) == {}
    rules = {
        "/" + path.relative_to(builder["SOURCES"]).as_posix(): path.read_text()
        for path in builder["sources"]()
    }
    assert {name: content.decode() for name, content in files.items()} == rules
