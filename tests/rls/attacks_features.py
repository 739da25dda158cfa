"""What Kent's login tries with switches and counts: a force reads its own, and writes none."""

from __future__ import annotations

from rls.attacks import NO_RLS, Attack, reads, writes

SWITCH, COUNT = "governance.feature_switch", "governance.request_count"

FOR_EACH_FORCE = (
    f"INSERT INTO {SWITCH} (tenant_id, feature, is_on, release) "
    "VALUES ({force}, 'prepared', false, 'R-1')",
    f"INSERT INTO {COUNT} (tenant_id, process, began_at, requests, errors, buckets) "
    "VALUES ({force}, '{new}', now(), 1, 1, '{{1}}')",
)
"""A row of each force in each table."""

FEATURES = [
    Attack(
        "reads Essex's switches",
        "a force reads its own switches",
        reads(f"SELECT 1 FROM {SWITCH} WHERE tenant_id = {{essex}}", consulting=False),
        NO_RLS.format(SWITCH),
    ),
    Attack(
        "reads how many requests Essex made",
        "a force reads its own counts",
        reads(f"SELECT 1 FROM {COUNT} WHERE tenant_id = {{essex}}", consulting=False),
        NO_RLS.format(COUNT),
    ),
    *(
        Attack(
            f"switches a feature for {who} by {verb}",
            "the client body switches, by its releases",
            writes(statement, None),
            f"GRANT {verb} ON {SWITCH} TO athena_force; {NO_RLS.format(SWITCH)}",
        )
        for who in ("kent", "essex")
        for verb, statement in {
            "INSERT": f"INSERT INTO {SWITCH} (tenant_id, feature, is_on, release) "
            f"VALUES ({{{who}}}, 'break-glass', true, 'R-9')",
            "UPDATE": f"UPDATE {SWITCH} SET is_on = true WHERE tenant_id = {{{who}}}",
            "DELETE": f"DELETE FROM {SWITCH} WHERE tenant_id = {{{who}}}",
        }.items()
    ),
    *(
        Attack(
            f"changes what was counted of Essex by {verb}",
            "processes count, by their own login",
            writes(statement, None),
            f"GRANT {verb} ON {COUNT} TO athena_force; {NO_RLS.format(COUNT)}",
        )
        for verb, statement in {
            "INSERT": f"INSERT INTO {COUNT} (tenant_id, process, began_at, requests, errors, "
            "buckets) VALUES ({essex}, '{new}', now(), 1, 1, '{{1}}')",
            "UPDATE": f"UPDATE {COUNT} SET errors = 0 WHERE tenant_id = {{essex}}",
            "DELETE": f"DELETE FROM {COUNT} WHERE tenant_id = {{essex}}",
        }.items()
    ),
]
