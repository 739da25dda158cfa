"""Tries, for every login and every relation that the catalogue lists, to reach another force's row.

What is tried follows from PostgreSQL's own catalogue, so a table that is added tomorrow is tried
tomorrow. Rights by column count: what is read, inserted and updated is what is granted, each column
by itself where it is changed. All is done in transactions that are rolled back, by a superuser who
becomes the login with SET SESSION AUTHORIZATION: for policies that is the login (`session_user`).

Before a write is tried every row but those of the force attacked is taken out of the table, so that
an UPDATE or DELETE without WHERE, to which read policies don't apply, tells by its count alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

import asyncpg

from rls.permitted import NOBODYS, SUPPORTING
from support.world import GROUPS, World, open_consultation, store_grant

FORCE_COLUMNS = ("owner_force", "tenant_id")
READ = ("SELECT", "COPY TO")
WRITE = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "COPY FROM")

_REFUSED = "42501"
_UNSUPPORTED = "0A000"
_CONSTRAINT = "23"
_TRIGGER = "AT"
_WRONG_KIND = {"42809", "55000"}
"""What PostgreSQL says where a verb has no meaning, such as COPY to a view."""

Success = tuple[str, str, str]
"""A login, a relation and a verb with which it reached a row of another force."""

RELATIONS = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
           c.relispartition AS partition,
           (SELECT format('%I.%I', pn.nspname, p.relname) FROM pg_inherits AS i
            JOIN pg_class AS p ON p.oid = i.inhparent
            JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
            WHERE i.inhrelid = c.oid AND c.relispartition) AS parent,
           c.relkind = 'v' AND c.reloptions = '{security_invoker=true}' AS invoker,
           ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
           ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND a.attgenerated = '' AND NOT EXISTS (
                       SELECT FROM pg_constraint AS k
                       WHERE k.conrelid = c.oid AND a.attnum = ANY (k.conkey)
                         AND k.contype <> 'n')
                 ORDER BY a.attnum) AS unconstrained
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    ORDER BY 1
"""

LOGINS = """
    SELECT r.rolname::text, t.tenant_id FROM pg_roles AS r
    LEFT JOIN tenants.tenant AS t ON t.login = r.rolname AND t.kind = 'force'
    WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname LIKE 'athena\\_%'
      AND has_database_privilege(r.oid, current_database(), 'CONNECT')
      AND (t.tenant_id IS NOT NULL OR NOT pg_has_role(r.oid, 'athena_force', 'MEMBER'))
    ORDER BY 1
"""
"""Logins belong to the whole server: a force that only another database has is none here."""


@dataclass(frozen=True)
class Relation:
    """A table, partition, view, materialised view or sequence, as the catalogue has it."""

    name: str
    kind: str
    partition: bool
    parent: str | None
    invoker: bool
    columns: tuple[str, ...]
    unconstrained: tuple[str, ...]

    def changed(self, granted: Collection[str]) -> list[str]:
        """Return the columns that an UPDATE may set: first those that no constraint looks at."""
        ordered = dict.fromkeys((*self.unconstrained, *self.columns))
        return [column for column in ordered if column in granted]

    def belonging_to(self, force: int) -> str | None:
        """Return the condition of a force's rows, or None where nobody has said which they are."""
        for column in FORCE_COLUMNS:
            if column in self.columns:
                return f"{column} = {force}"
        whose = NOBODYS.get(self.parent or self.name)
        return None if whose is None else whose.format(force=force)


@dataclass(frozen=True)
class Login:
    """A login, its force where it is one's, and the grant sets it tries with."""

    name: str
    tenant: int | None
    own: UUID | None = None
    wide: UUID | None = None


@dataclass(frozen=True)
class Target:
    """A relation and the rows of the force attacked, as a superuser sees them."""

    relation: Relation
    condition: str
    rows: tuple[asyncpg.Record, ...]
    lines: frozenset[bytes]
    image: str

    def holds(self, found: Iterable[asyncpg.Record]) -> bool:
        """Tell whether any row found is one of these, as far as it was read."""
        found = [tuple(row.items()) for row in found]
        names = [name for name, _ in found[0]] if found else []
        return not {
            repr(tuple((name, row[name]) for name in names)) for row in self.rows
        }.isdisjoint(map(repr, found))


async def relations(admin: asyncpg.Connection) -> list[Relation]:
    """Return every relation outside PostgreSQL's own schemas."""
    return [
        Relation(
            row["name"],
            row["kind"],
            row["partition"],
            row["parent"],
            bool(row["invoker"]),
            tuple(row["columns"]),
            tuple(row["unconstrained"]),
        )
        for row in await admin.fetch(RELATIONS)
    ]


async def logins(admin: asyncpg.Connection, world: World) -> list[Login]:
    """Return every login that may connect; a force's gets grant sets of its own and of all."""
    labels = await admin.fetch("SELECT label_id, owner_force FROM ctx.label")
    found = []
    for name, tenant in await admin.fetch(LOGINS):
        if tenant is None:
            found.append(Login(name, None))
            continue
        grants = []
        for shown in (
            [label for label, owner in labels if owner == tenant],
            [label for label, _ in labels],
        ):
            scopes = dict.fromkeys(("match", "summary", *GROUPS), shown)
            scopes["audit"] = scopes["imports"] = [tenant]
            grants.append(await store_grant(world, name, tenant, scopes))
        found.append(Login(name, tenant, *grants))
    return found


async def target(admin: asyncpg.Connection, relation: Relation, force: int) -> Target | str:
    """Return a relation's rows of a force, or what is missing so that it can be attacked."""
    condition = relation.belonging_to(force)
    if condition is None:
        return f"{relation.name} has no column of a force: say in permitted.py whose its rows are"
    columns = ", ".join(relation.columns)
    query = f"SELECT {columns} FROM {relation.name} WHERE {condition}"
    rows = tuple(await admin.fetch(query))
    source = relation.name
    if not rows and relation.partition and relation.parent is not None:
        source = relation.parent  # a month to come: what is tried is a row of this one
    elif not rows:
        return f"{relation.name} has no row of tenant {force}: add one in prepared.py"
    image = await admin.fetchval(
        f"SELECT quote_literal(to_jsonb(t)::text) FROM {source} AS t WHERE {condition} LIMIT 1"
    )
    lines = frozenset(await _lines(admin, query))
    return Target(relation, condition, rows, lines, image)


async def walk(
    admin: asyncpg.Connection,
    world: World,
    only: Iterable[str] | None = None,
    as_logins: Iterable[str] | None = None,
) -> tuple[set[Success], list[str]]:
    """Try everything; return what succeeded and what can't be tried because a row is missing."""
    names = None if only is None else set(only)
    wanted = None if as_logins is None else set(as_logins)
    successes: set[Success] = set()
    missing: list[str] = []
    every = [each for each in await logins(admin, world) if not wanted or each.name in wanted]
    for relation in await relations(admin):
        if names is not None and relation.name not in names:
            continue
        if relation.invoker:
            continue  # it runs with its reader's rights on tables that are tried themselves
        if relation.kind == "S":
            successes |= await _try_sequence(admin, relation, every)
            continue
        targets = {force: await target(admin, relation, force) for force in world.attacked}
        missing += [each for each in targets.values() if isinstance(each, str)]
        for login in every:
            attacked = targets[world.kent if login.tenant == world.essex else world.essex]
            if isinstance(attacked, Target):
                done = await _try(admin, login, attacked)
                successes |= {(login.name, relation.name, verb) for verb in done}
    return successes, missing


async def _try(admin: asyncpg.Connection, login: Login, attacked: Target) -> set[str]:
    """Return the verbs that reach the rows: without a consultation, and with either of two."""
    passes: list[tuple[UUID | None, tuple[str, ...]]] = [(None, (*READ, *WRITE))]
    if login.own is not None:
        passes.append((login.own, (*READ, *WRITE)))
    if login.wide is not None:
        passes.append((login.wide, WRITE))  # this grant shows everything, so reading proves nothing
    done: set[str] = set()
    for grant, verbs in passes:
        async with _as_login(admin, login, attacked, grant):
            done |= {verb for verb in verbs if await _tried(admin, login, verb, attacked)}
    return done


@asynccontextmanager
async def _as_login(
    admin: asyncpg.Connection, login: Login, attacked: Target, grant: UUID | None
) -> AsyncIterator[None]:
    """Leave only the attacked rows in the table, be the login, and take it all back at the end."""
    relation = attacked.relation
    transaction = admin.transaction()
    await transaction.start()
    try:
        if relation.kind in ("r", "p") and relation.name not in SUPPORTING:
            await admin.execute(
                "SET LOCAL session_replication_role = replica; "
                f"DELETE FROM {relation.name} WHERE ({attacked.condition}) IS NOT TRUE; "
                "SET LOCAL session_replication_role = origin"
            )
        await admin.execute(f"SET LOCAL SESSION AUTHORIZATION {login.name}")
        if grant is not None:
            await open_consultation(admin, grant, "alteration")
        yield
    finally:
        await transaction.rollback()


async def _tried(
    admin: asyncpg.Connection, login: Login, verb: str, attacked: Target, *, triggers: bool = True
) -> bool:
    """Try one verb in a savepoint; a constraint that stops it, and no wall, counts as success.

    A trigger that refuses comes before the walls and tells nothing of them, so it is tried without.
    """
    savepoint = admin.transaction()
    await savepoint.start()
    try:
        if not triggers:
            await admin.execute(
                "SET LOCAL SESSION AUTHORIZATION DEFAULT; "
                "SET LOCAL session_replication_role = replica; "
                f"SET LOCAL SESSION AUTHORIZATION {login.name}"
            )
        return await _reaches(admin, login, verb, attacked)
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        if state == _REFUSED or state in _WRONG_KIND:
            return False
        if state == _UNSUPPORTED:  # TRUNCATE asks for the right to it before the foreign keys
            return verb == "TRUNCATE"
        if state.startswith(_CONSTRAINT):
            return True
        if not (triggers and state.startswith(_TRIGGER)):
            raise
    finally:
        await savepoint.rollback()
    return await _tried(admin, login, verb, attacked, triggers=False)


async def _reaches(admin: asyncpg.Connection, login: Login, verb: str, attacked: Target) -> bool:
    """Run one verb and tell whether it reached a row: as far as columns are granted, else whole."""
    relation = attacked.relation
    if verb in ("SELECT", "INSERT", "UPDATE"):
        granted = await _granted(admin, login, relation, verb)
        if verb == "UPDATE":
            return await _updates(admin, attacked, granted)
        columns = ", ".join(granted)
    else:
        columns = ", ".join(relation.columns)
    if verb == "SELECT":
        found = await admin.fetch(f"SELECT {columns} FROM {relation.name}")
        return relation.partition or attacked.holds(found)
    if verb == "COPY TO":  # which relations COPY takes by name differs between versions
        query = f"SELECT {columns} FROM {relation.name}"
        lines = await (
            _table_lines(admin, relation) if relation.kind == "r" else _lines(admin, query)
        )
        return relation.partition or not attacked.lines.isdisjoint(lines)
    if verb == "COPY FROM":
        schema, table = relation.name.split(".")
        await admin.copy_to_table(
            table,
            schema_name=schema,
            columns=relation.columns,
            source=BytesIO(b"".join(attacked.lines)),
        )
        return True
    statement = {
        "INSERT": f"INSERT INTO {relation.name} ({columns}) SELECT {columns} "
        f"FROM jsonb_populate_record(CAST(NULL AS {relation.name}), {attacked.image})",
        "DELETE": f"DELETE FROM {relation.name}",
        "TRUNCATE": f"TRUNCATE {relation.name}",
    }[verb]
    tag = await admin.execute(statement)
    return relation.partition or not tag.endswith(" 0")


async def _granted(
    admin: asyncpg.Connection, login: Login, relation: Relation, verb: str
) -> Sequence[str]:
    """Return the columns on which a login has a right; all where it has none, to be refused."""
    granted = await admin.fetchval(
        "SELECT ARRAY(SELECT c FROM unnest($1::text[]) WITH ORDINALITY AS u (c, ord) "
        "WHERE has_column_privilege($2, to_regclass($3)::oid, "
        "  (SELECT attnum FROM pg_attribute WHERE attrelid = to_regclass($3) "
        "   AND quote_ident(attname) = c), $4) ORDER BY ord)",
        relation.columns,
        login.name,
        relation.name,
        verb,
    )
    return granted or relation.columns


async def _updates(admin: asyncpg.Connection, attacked: Target, granted: Sequence[str]) -> bool:
    """Set one granted column after the other to what it is; tell whether any reached a row.

    Where a constraint or a trigger stops one, the last to do so is raised: no wall did.
    """
    relation = attacked.relation
    stopped: asyncpg.PostgresError | None = None
    for column in relation.changed(granted):
        savepoint = admin.transaction()
        await savepoint.start()
        try:
            tag = await admin.execute(
                f"UPDATE {relation.name} SET {column} = (SELECT i.{column} FROM "
                f"jsonb_populate_record(CAST(NULL AS {relation.name}), {attacked.image}) AS i)"
            )
            if relation.partition or not tag.endswith(" 0"):
                return True
        except asyncpg.PostgresError as error:
            if (error.sqlstate or "") != _REFUSED:
                stopped = error
        finally:
            await savepoint.rollback()
    if stopped is not None:
        raise stopped
    return False


async def _try_sequence(
    admin: asyncpg.Connection, sequence: Relation, every: Iterable[Login]
) -> set[Success]:
    """Read, draw from and set a sequence: its numbers tell how much others have done."""
    statements = {
        "SELECT": f"SELECT last_value FROM {sequence.name}",
        "USAGE": f"SELECT nextval('{sequence.name}')",
        "UPDATE": f"SELECT setval('{sequence.name}', 1)",
    }
    successes: set[Success] = set()
    for login in every:
        for verb, statement in statements.items():
            transaction = admin.transaction()
            await transaction.start()
            try:
                await admin.execute(f"SET LOCAL SESSION AUTHORIZATION {login.name}")
                await admin.execute(statement)
                successes.add((login.name, sequence.name, verb))
            except asyncpg.InsufficientPrivilegeError:
                pass
            finally:
                await transaction.rollback()
    return successes


async def _lines(admin: asyncpg.Connection, query: str) -> list[bytes]:
    """Return the lines that COPY gives of a query."""
    copied = BytesIO()
    await admin.copy_from_query(query, output=copied)
    return copied.getvalue().splitlines(keepends=True)


async def _table_lines(admin: asyncpg.Connection, relation: Relation) -> list[bytes]:
    """Return the lines that COPY gives of a table."""
    copied = BytesIO()
    schema, table = relation.name.split(".")
    await admin.copy_from_table(table, schema_name=schema, columns=relation.columns, output=copied)
    return copied.getvalue().splitlines(keepends=True)
