"""Guards that a new table of a force's can't be forgotten when the force leaves."""

from __future__ import annotations

from support.cluster import Cluster

STAYS = {
    "audit.event": "who did what stays in the log",
    "ctx.label": "labels name nobody, and archived decisions refer to them",
    "governance.appointment": "minutes name who sat for it then",
    "governance.ballot": "what was decided was decided with it, whoever leaves",
    "governance.black_out": "the calendar tells what releases made way for",
    "governance.change": "what it raised is the consortium's",
    "governance.change_entry": "what it assessed and said of the consortium's changes",
    "governance.change_version": "what it raised is the consortium's",
    "governance.basis_value": "what others pay was shared by it too",
    "governance.charge_member": "what others pay was shared with it",
    "governance.journal_entry": "accounts balance, whoever leaves",
    "governance.release_entry": "what it said of the consortium's releases",
    "governance.withdrawal": "that it gave notice concerns the others too",
    "governance.feature_switch": "it names nobody; where there is no force it switches nothing",
    "governance.request_count": "it names nobody, and is forgotten after seven days",
    "policies.agreement_event": "the steps of an agreement are its other parties' too",
    "policies.signatory_key": "signatures on past agreements are verified with it",
    "policies.signature": "what was agreed was signed, whoever leaves",
    "tenants.tenant": "the directory tells that it was there",
}
GOES_OTHERWISE = {
    "audit.content": "erased by the tenant of its event",
    "ctx.grant_lock": "deleted with every grant set",
    "ctx.grant_record": "deleted with every grant set",
    "ctx.grant_set": "deleted with every other at the suspension",
    "records.emergency_review": "erased by tenant, and by the owner of what was opened",
    "tenants.member": "erased by tenant",
    "tenants.member_role": "erased by tenant",
    "tenants.team": "erased by tenant",
    "tenants.team_member": "erased by tenant",
    "work.data_key": "erased by owner",
    "work.draft": "erased by owner",
    "work.duty_notice": "erased by owner",
    "work.file": "erased by owner",
    "work.file_chunk": "erased by owner",
    "work.item": "erased by owner",
    "work.message": "erased by owner",
    "work.notification": "erased by owner",
    "work.team_member": "erased by owner",
}
"""What `records.erase_tenant` sees to by name; it finds tables of records and sharing itself."""

NOT_ARCHIVED = {
    "change": "the feed is the store's own",
    "emergency_access": "none comes back open; the log keeps that it was made",
    "emergency_review": "goes with its access",
    "name_key": "made again from the names",
}
"""Tables of records that don't come back with an archive; docs/archive-format.md says so."""


async def tables_of_tenants(cluster: Cluster, consortium: str) -> dict[str, bool]:
    """Return each table that belongs to tenants, and whether the eraser may delete from it."""
    connection = await cluster.admin(consortium)
    rows = await connection.fetch(
        """
        SELECT DISTINCT c.oid::regclass::text, has_table_privilege('athena_eraser', c.oid, 'DELETE')
            AND EXISTS (SELECT FROM pg_policies AS p WHERE p.policyname = 'eraser_erases'
                        AND format('%I.%I', p.schemaname, p.tablename) = c.oid::regclass::text)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND n.nspname NOT LIKE 'pg\\_%' AND a.attname IN ('owner_force', 'tenant_id')
        """
    )
    await connection.close()
    return dict(map(tuple, rows))


async def test_what_a_tenant_owns_is_erased_or_stays_for_a_reason(
    cluster: Cluster, consortium: str
) -> None:
    tables = await tables_of_tenants(cluster, consortium)
    for table, erasable in tables.items():
        if table in STAYS or table.startswith("ctx.grant_"):
            continue
        assert erasable, f"{table} outlives its force: let the eraser delete from it, as 0017 does"
        if not table.startswith(("records.", "sharing.")):
            assert table in GOES_OTHERWISE, f"records.erase_tenant doesn't know {table}"


async def test_every_table_of_records_is_in_archives(cluster: Cluster, consortium: str) -> None:
    tables = await tables_of_tenants(cluster, consortium)
    connection = await cluster.admin(consortium)
    archived = await connection.fetchval("SELECT records.archive_tables()")
    readable = await connection.fetch(
        "SELECT tablename FROM pg_policies WHERE policyname = 'archivist_reads'"
    )
    await connection.close()
    of_records = {
        table.removeprefix("records.") for table in tables if table.startswith("records.")
    }
    assert of_records == {*archived, *NOT_ARCHIVED}
    assert {*archived} <= {row[0] for row in readable}, "the archivist counts every table"
