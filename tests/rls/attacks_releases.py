"""What Kent's login tries on releases: rolling out, speaking for Essex, altering what stands.

`prepare_releases` stores a release that rolls (`ROLLING`) with a ring that was told, and black-outs
of Kent and of Essex.
"""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, writes

ROLLING = "00000000-0000-4000-8000-0000000000e1"
BLACK_OUTS = {
    "essex": "00000000-0000-4000-8000-0000000000e2",
    "kent": "00000000-0000-4000-8000-0000000000e3",
}

PREPARE = (
    "INSERT INTO governance.release (release_id, number, username, state) "
    f"VALUES ('{ROLLING}', 1, 'amo.admin', 'rolling')",
    "INSERT INTO governance.release_plan (release_id, version, username, document, digest) "
    f"VALUES ('{ROLLING}', 1, 'amo.admin', '{{\"title\": \"Links\"}}', sha256(''))",
    "INSERT INTO governance.release_ring (release_id, version, number, name, forces, begins_at, "
    f"ends_at, state, notified_at) VALUES ('{ROLLING}', 1, 1, 'First', '{{essex}}', now(), "
    "now() + interval '1 day', 'notified', now())",
    "INSERT INTO governance.release_entry (release_id, number, tenant_id, username, kind, version, "
    f"document) SELECT '{ROLLING}', row_number() OVER (), tenant_id, 'admin.' || slug, "
    "'objection', 1, '{}' FROM tenants.tenant WHERE slug IN ('essex', 'kent')",
    *(
        "INSERT INTO governance.black_out (tenant_id, black_out_id, title, begins_at, ends_at, "
        f"username) SELECT tenant_id, '{black_out}', 'Festival', now(), "
        f"now() + interval '1 day', 'admin.' || slug FROM tenants.tenant WHERE slug = '{slug}'"
        for slug, black_out in BLACK_OUTS.items()
    ),
)


async def prepare_releases(admin: asyncpg.Connection) -> None:
    """Store what the attacks aim at, past the guards, as a superuser in replica mode."""
    for statement in PREPARE:
        await admin.execute(statement)


_ENTRY = (
    "INSERT INTO governance.release_entry "
    f"(release_id, tenant_id, username, kind, version, document) VALUES ('{ROLLING}', "
)


def _let(table: str, verb: str, *guards: str) -> str:
    """Return what takes the walls of a table away."""
    dropped = "".join(f"; DROP TRIGGER {guard} ON governance.{table}" for guard in guards)
    return (
        f"GRANT {verb} ON governance.{table} TO athena_force; "
        f"{NO_RLS.format(f'governance.{table}')}{dropped}"
    )


RELEASES = [
    Attack(
        "drafts a release",
        "the client body drafts releases",
        writes("INSERT INTO governance.release (release_id, username) VALUES ('{new}', 'x')", None),
        _let("release", "INSERT"),
    ),
    Attack(
        "backs a release out",
        "the client body moves releases",
        writes("UPDATE governance.release SET state = 'backed_out'", None),
        _let("release", "UPDATE"),
    ),
    Attack(
        "lets a ring go live",
        "the client body moves rings, and none goes live in a black-out",
        writes(
            "UPDATE governance.release_ring SET state = 'live', live_at = now() "
            f"WHERE release_id = '{ROLLING}'",
            None,
        ),
        _let("release_ring", "UPDATE", "guard_release_ring"),
    ),
    Attack(
        "adds a ring for itself",
        "the client body plans rings",
        writes(
            "INSERT INTO governance.release_ring (release_id, version, number, name, forces, "
            f"begins_at, ends_at) VALUES ('{ROLLING}', 1, 2, 'Mine', '{{{{kent}}}}', now(), "
            "now() + interval '1 day')",
            None,
        ),
        _let("release_ring", "INSERT", "guard_release_ring"),
    ),
    Attack(
        "rewrites a release's plan",
        "a plan is immutable",
        writes("UPDATE governance.release_plan SET username = 'x'", None),
        _let("release_plan", "UPDATE", "guard_kept"),
    ),
    Attack(
        "objects as Essex",
        "a force objects for itself",
        writes(f"{_ENTRY} {{essex}}, 'admin.essex', 'objection', 1, '{{{{}}}}')", None),
        NO_RLS.format("governance.release_entry"),
    ),
    Attack(
        "withdraws Essex's objection",
        "a force withdraws its own",
        writes(f"{_ENTRY} {{essex}}, 'admin.essex', 'objection_withdrawn', 1, '{{{{}}}}')", None),
        NO_RLS.format("governance.release_entry"),
    ),
    Attack(
        "confirms an item of the checklist",
        "confirmations are the client body's",
        writes(f"{_ENTRY} {{kent}}, 'admin.kent', 'confirmation', 1, '{{{{}}}}')", None),
        NO_RLS.format("governance.release_entry"),
    ),
    Attack(
        "takes an objection out of a release's history",
        "what was said stays",
        writes("DELETE FROM governance.release_entry WHERE tenant_id = {kent}", None),
        _let("release_entry", "DELETE", "guard_kept"),
    ),
    Attack(
        "files a black-out for Essex",
        "a force files its own",
        writes(
            "INSERT INTO governance.black_out (tenant_id, black_out_id, title, begins_at, ends_at, "
            "username) VALUES ({essex}, '{new}', 'Festival', now(), now() + interval '1 day', 'x')",
            None,
        ),
        NO_RLS.format("governance.black_out"),
    ),
    Attack(
        "withdraws Essex's black-out",
        "a force withdraws its own",
        writes(
            "UPDATE governance.black_out SET withdrawn_at = now() "
            f"WHERE black_out_id = '{BLACK_OUTS['essex']}'",
            None,
        ),
        NO_RLS.format("governance.black_out"),
    ),
    Attack(
        "moves its own black-out without a trace",
        "a black-out is withdrawn, and stays told",
        writes(
            "UPDATE governance.black_out SET begins_at = now() + interval '1 hour' "
            f"WHERE black_out_id = '{BLACK_OUTS['kent']}'",
            None,
        ),
        "GRANT UPDATE ON governance.black_out TO athena_force; "
        "DROP TRIGGER guard_black_out ON governance.black_out",
    ),
]
