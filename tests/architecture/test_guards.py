"""Guards that keep the architecture: what a reviewer would otherwise have to look for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cluster import ROOT, Cluster

SOURCES = ("platform", "tenants", "policies", "records", "sharing", "governance")
SCHEMAS = [
    "audit",
    "ctx",
    "governance",
    "names",
    "policies",
    "records",
    "sharing",
    "tenants",
    "work",
]


async def rows(cluster: Cluster, consortium: str, query: str) -> list[tuple[str, ...]]:
    """Return a query's rows from the migrated template."""
    connection = await cluster.admin(consortium)
    found = await connection.fetch(query, SCHEMAS)
    await connection.close()
    return [tuple(row) for row in found]


class TestTables:
    async def test_every_table_has_forced_row_level_security_and_a_policy(
        self, cluster: Cluster, consortium: str
    ) -> None:
        tables = await rows(
            cluster,
            consortium,
            """
            SELECT n.nspname || '.' || c.relname, c.relrowsecurity, c.relforcerowsecurity,
                   c.relispartition, (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p')
            """,
        )
        assert len(tables) > 25
        for table, enabled, forced, is_partition, policies in tables:
            assert enabled, f"{table} has no row-level security"
            assert forced, f"{table} doesn't force it on its owner"
            assert policies or is_partition, f"{table} has no policy"

    async def test_no_login_reaches_a_partition_or_a_context_table(
        self, cluster: Cluster, consortium: str
    ) -> None:
        granted = await rows(
            cluster,
            consortium,
            """
            SELECT c.oid::regclass::text, r.rolname
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, pg_roles AS r
            WHERE n.nspname = ANY($1) AND r.rolcanlogin AND NOT r.rolsuper
              AND r.rolname LIKE 'athena\\_%'
              AND (c.relispartition OR (n.nspname = 'ctx' AND c.relkind = 'r'))
              AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
            """,
        )
        assert granted == [("ctx.label", "athena_policy_writer")]

    async def test_every_record_table_is_attacked(self, cluster: Cluster, consortium: str) -> None:
        tables = await rows(
            cluster,
            consortium,
            "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
        )
        attacks = "".join(path.read_text() for path in (ROOT / "tests" / "rls").glob("attacks*.py"))
        untried = {table for (table,) in tables if not re.search(rf"\b{table}\b", attacks)}
        assert untried <= {"tenant"}, "the directory of tenants is open to every login"


class TestFunctions:
    async def test_each_definer_function_has_an_owner_of_its_own_and_a_pinned_path(
        self, cluster: Cluster, consortium: str
    ) -> None:
        functions = await rows(
            cluster,
            consortium,
            """
            SELECT p.oid::regprocedure::text, r.rolname, r.rolcanlogin,
                   array_to_string(p.proconfig, ' ')
            FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
            JOIN pg_roles AS r ON r.oid = p.proowner
            WHERE n.nspname = ANY($1) AND p.prosecdef
            """,
        )
        assert len(functions) >= 15
        for function, owner, can_log_in, settings in functions:
            assert owner != "athena_owner", f"{function} runs as the owner of the tables"
            assert not can_log_in, f"{function} runs as a login"
            assert "search_path=pg_catalog, pg_temp" in settings, f"{function} has an open path"

    async def test_no_function_is_open_to_everyone(self, cluster: Cluster, consortium: str) -> None:
        open_to_all = await rows(
            cluster,
            consortium,
            "SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n "
            "ON n.oid = p.pronamespace WHERE n.nspname = ANY($1) "
            "AND has_function_privilege('public', p.oid, 'EXECUTE')",
        )
        assert open_to_all == []


class TestLogins:
    async def test_no_login_may_do_more_than_log_in(
        self, cluster: Cluster, consortium: str
    ) -> None:
        powerful = await rows(
            cluster,
            consortium,
            "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'athena\\_%' "
            "AND rolname <> 'athena_superuser' AND $1::text[] IS NOT NULL "
            "AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)",
        )
        assert powerful == []


class TestSources:
    @pytest.mark.parametrize("root", SOURCES)
    def test_a_source_root_is_no_package(self, root: str) -> None:
        assert not (ROOT / root / "__init__.py").exists()
        assert not (ROOT / root / "athena" / "__init__.py").exists()

    def test_pythons_own_platform_module_is_found(self) -> None:
        found = subprocess.run(
            [sys.executable, "-c", "import platform; print(platform.python_version())"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert re.match(r"3\.\d+", found.stdout)

    def test_no_file_is_long(self) -> None:
        for path in python_files():
            lines = path.read_text().count("\n")
            assert lines <= 400, f"{path.relative_to(ROOT)} has {lines} lines: split it"

    def test_sql_stands_in_repositories(self) -> None:
        allowed = ("repository.py", "cli/bench", "benchmarks/")
        for path in python_files():
            if path.parent.name == "kernel" or any(part in path.as_posix() for part in allowed):
                continue
            found = re.search(r'"(SELECT(?! 1")|INSERT INTO|UPDATE|DELETE FROM) ', path.read_text())
            assert found is None, f"{path.relative_to(ROOT)} writes SQL"


def python_files() -> list[Path]:
    """Return every Python file of the sources."""
    return [path for root in SOURCES for path in (ROOT / root / "athena").rglob("*.py")]
