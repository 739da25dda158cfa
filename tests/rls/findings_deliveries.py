"""What pgrls finds in what partners are told and is meant to be so; `findings.py` has the rest."""

from __future__ import annotations

_READ = {
    "sharing.correction.delivering": "delivering finds what is overdue, by column",
    "sharing.correction.oversight_reads": "oversight reads what was corrected",
    "sharing.partner.delivering_finds_partners": "which are partners, by column",
    "sharing.partner*.delivering": "delivering reads what is due; events name nobody",
    "tenants.tenant.correcting_names_forces": "a definer function's owner; the directory",
    "sharing.partner.numbering": "a definer function's owner, which no login is",
}
_WRITTEN = {
    "sharing.partner_event.numbering": "a definer function's owner, which no login is",
    "sharing.partner_stream.numbering": "a definer function's owner, which no login is",
    "sharing.partner_webhook.client_body_sets": "the client body sets where partners are told",
}
_NOTED = {"sharing.partner_webhook.delivering_notes": "delivering notes attempts, by column"}
_MET = {
    "SEC005": _READ | _WRITTEN | _NOTED,
    "SEC008": _READ | _WRITTEN | _NOTED,
    "SEC028": _WRITTEN | _NOTED,
    "SEC038": _READ | _WRITTEN,
}

NOTES = {
    "sharing.partner_event.delivering_notes": "what is pending becomes delivered or refused",
}
"""A policy that checks less than it lets be found."""

UNIQUE = {
    "sharing.partner_event (partner_event_partner_id_sequence_key)": "no login gives numbers",
    "sharing.submission (submission_partner_id_idempotency_key_key)": "one partner's own keys",
}
"""A constraint over rows of several forces."""


def met(rule: str) -> dict[str, str]:
    """Return the open policies that a rule meets, and why each is open."""
    return _MET[rule]
