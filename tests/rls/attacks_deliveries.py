"""What Kent's login tries on what partners are told: reading others' part, telling as another."""

from __future__ import annotations

from rls.attacks import NO_RLS, Attack, reads, writes

_TELLING = "partners are told by the store's own functions alone"


def _may(function: str) -> str:
    return f"GRANT EXECUTE ON FUNCTION {function} TO athena_force"


DELIVERIES = [
    Attack(
        "reads a correction of Essex's record",
        "a force's data protection officer reads the corrections of its own records",
        reads("SELECT 1 FROM sharing.correction WHERE owner_force = {essex}"),
        NO_RLS.format("sharing.correction"),
    ),
    Attack(
        "reads a correction of its own without an officer of data protection",
        "corrections are read with the scope of the audit log",
        reads("SELECT 1 FROM sharing.correction WHERE owner_force = {kent}"),
        NO_RLS.format("sharing.correction"),
    ),
    Attack(
        "acknowledges a correction for a partner",
        "the partner acknowledges",
        writes("UPDATE sharing.correction SET acknowledged_how = NULL"),
        "GRANT UPDATE ON sharing.correction TO athena_force; "
        f"{NO_RLS.format('sharing.correction')}",
    ),
    *(
        Attack(
            f"reads sharing.{table}",
            "what partners are told is theirs to read",
            reads(f"SELECT 1 FROM sharing.{table}"),
            f"GRANT SELECT ON sharing.{table} TO athena_force; {NO_RLS.format(f'sharing.{table}')}",
        )
        for table in ("partner_event", "partner_stream", "partner_webhook")
    ),
    Attack(
        "leads a partner's webhook elsewhere",
        "the client body sets webhooks",
        writes("UPDATE sharing.partner_webhook SET url = 'https://kent.example/'"),
        "GRANT UPDATE ON sharing.partner_webhook TO athena_force; "
        f"{NO_RLS.format('sharing.partner_webhook')}",
    ),
    Attack(
        "tells a partner something of its own",
        _TELLING,
        writes(
            "INSERT INTO sharing.partner_event (owner_force, partner_id, kind, body) "
            "SELECT {kent}, 900, 'made_up', '{{}}'"
        ),
        "GRANT INSERT ON sharing.partner_event TO athena_force; "
        f"{NO_RLS.format('sharing.partner_event')}; "
        "ALTER TABLE sharing.partner_event DROP CONSTRAINT partner_event_partner_id_fkey",
    ),
    *(
        Attack(
            f"calls {function.split('(')[0]} itself",
            _TELLING,
            reads(f"SELECT {call} IS NULL"),
            _may(function),
        )
        for function, call in (
            (
                "sharing.correct(smallint, uuid, text, text[])",
                "sharing.correct({essex}::smallint, '{open}', 'erased', '{{*}}')",
            ),
            (
                "sharing.changed_fields(text, smallint, uuid, uuid, jsonb)",
                "sharing.changed_fields('nominal', {essex}::smallint, '{open}', '{open}', '{{}}')",
            ),
            ("sharing.number_events(smallint)", "sharing.number_events(900::smallint)"),
            (
                "sharing.escalate_correction(smallint, uuid, text, timestamptz)",
                "sharing.escalate_correction({essex}::smallint, '{open}', 'hours:1', now())",
            ),
            (
                "audit.note_platform(smallint, text, text, text, jsonb, jsonb)",
                "audit.note_platform({essex}::smallint, 'disclosure', 'x', 'x', '{{}}', '[]')",
            ),
        )
    ),
]
