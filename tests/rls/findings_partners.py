"""What pgrls finds in partners' tables and is meant to be so; `findings.py` has the rest."""

from __future__ import annotations

_PARTNERS = {
    "sharing.partner_batch*.batches_*": "a definer function's owner, which no login is",
    "sharing.*.calls_look_up": "a call is known by a key before its partner is; no person's data",
    "sharing.*.client_body_registers": "the client body keeps partners, keys and agreements",
    "sharing.*.client_body_watches": "the client body sees counts and outcomes, by column",
    "sharing.*.forgetting*": "a definer function's owner, which no login is",
    "sharing.disclosure*.ending*": "a definer function's owner, which no login is",
    "sharing.disclosure.oversight_reads": "oversight reads the ledger, without the words",
    "sharing.partner*.oversight_reads": "oversight reads who may ask, and what came of it",
    "sharing.partner.which_are_partners": "a definer function's owner, which no login is",
    "sharing.partner_check.marking": "a definer function's owner, which no login is",
    "sharing.partner_contact.referring": "a definer function's owner, for the delivering login",
    "sharing.partner_nonce.calls_note": "a nonce is noted before anything else; none is read",
    "sharing.partner_review.client_body_reviews": "the client body lifts what was stopped",
    "sharing.referral.escalating": "a definer function's owner, for the delivering login alone",
    "sharing.referral.delivering": "delivering finds what is overdue, by column",
    "sharing.referral.oversight_reads": "oversight reads what was referred, without the words",
    "sharing.submission.oversight_reads": "oversight reads what was submitted, without the words",
    "tenants.tenant.calls_read_the_directory": "whom to contact; no personal data",
}
_WRITTEN = {
    "sharing.*.client_body_registers",
    "sharing.partner_check.marking",
    "sharing.partner_nonce.calls_note",
    "sharing.partner_review.client_body_reviews",
}
_OPEN_TO_READ = _PARTNERS.keys() - {
    "sharing.partner_contact.referring",
    "sharing.partner_nonce.calls_note",
    "sharing.referral.escalating",
}
_MET = {
    "SEC005": _PARTNERS.keys(),
    "SEC008": _OPEN_TO_READ,
    "SEC028": _WRITTEN,
    "SEC038": _OPEN_TO_READ - {"sharing.partner_check.marking"},
}


def met(rule: str) -> dict[str, str]:
    """Return the open policies of partners' tables that a rule meets, and why each is open."""
    return {place: why for place, why in _PARTNERS.items() if place in _MET[rule]}
