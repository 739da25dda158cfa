"""What may be reached of partners' tables, none of which is a force's; `permitted.py` has the rest.

Each line: a login, a table of ``sharing``, verbs, and why.
"""

from __future__ import annotations

REGISTERED = ("partner", "partner_agreement", "partner_contact", "partner_key")
_READS = "SELECT, COPY TO"

PARTNERS = [
    *(
        ("athena_amo", table, f"{_READS}, {verbs}", "the client body keeps partners")
        for table, verbs in {
            "partner": "INSERT, UPDATE",
            "partner_agreement": "INSERT, UPDATE",
            "partner_contact": "INSERT, UPDATE, DELETE",
            "partner_key": "INSERT, UPDATE",
            "partner_review": "INSERT, UPDATE",
        }.items()
    ),
    ("athena_amo", "partner_usage", _READS, "the client body sees how often partners ask"),
    ("athena_amo", "partner_check", "SELECT", "what came of checks: by column, nobody's name"),
    ("athena_amo", "referral", "SELECT", "what partners leave unanswered: by column, of nobody"),
    *(
        ("athena_auditor", table, _READS, "oversight reads who may ask, and what they were told")
        for table in (
            *REGISTERED,
            "partner_review",
            "partner_check",
            "disclosure",
            "submission",
            "referral",
        )
    ),
    *(
        ("athena_ppss", table, _READS, "a call is known by a key before its partner is")
        for table in REGISTERED
    ),
    ("athena_ppss", "partner_nonce", "INSERT", "a nonce is noted before anything else is done"),
    ("athena_ppss", "partner_call", "INSERT", "a transaction notes for which partner it runs"),
]
NOBODYS = {
    f"sharing.{table}": "true"
    for table in (
        *REGISTERED,
        "partner_answer",
        "partner_batch",
        "partner_batch_item",
        "partner_call",
        "partner_check",
        "partner_nonce",
        "partner_review",
        "partner_usage",
    )
}
