"""The platform decides through a real OPA server, and shows nothing without it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import running
from athena.policies.decisions.engine import WasmPolicy
from support.api import Platform, running_platform
from support.cluster import Cluster
from support.opa import OpaServer, answering, http, make_bundle, running_opa, stopped_opa
from support.waiting import until

pytestmark = pytest.mark.needs_opa

SURNAME = "Quartermaine"
PERSON: dict[str, Any] = {
    "names": [{"given_names": "Leopoldina", "surname": SURNAME}],
    "date_of_birth": "1971-07-07",
}
PURPOSES = ["custody", "firearms_licensing", "intelligence", "missing_person", "safeguarding"]
MEMBERS = ["officer.kent", "supervisor.kent", "records.kent", "dpo.kent"]


@dataclass
class Served:
    """The platform, the server that decides for it, and questions that it hasn't asked yet."""

    platform: Platform
    opa: OpaServer
    cluster: Cluster
    fresh: Iterator[tuple[str, str]]

    async def search(self) -> httpx.Response:
        """Search for the person, as a member and for a purpose that nothing is decided for yet."""
        member, purpose = next(self.fresh)
        return await self.platform.search(member, name=f"leopoldina {SURNAME}", purpose=purpose)

    async def alarms(self, fault: str) -> float:
        """Return how often the alarm of a fault has gone off."""
        page = (await self.platform.client.get("/metrics")).text
        name = f'athena_decision_alarms_total{{engine="server",fault="{fault}"}}'
        (line,) = [line for line in page.splitlines() if line.startswith(name)]
        return float(line.split()[-1])

    async def value(self, query: str, *values: object) -> Any:
        """Return a value of the store."""
        admin = await self.cluster.admin(self.platform.runtime.store.address.database)
        try:
            return await admin.fetchval(query, *values)
        finally:
            await admin.close()

    async def is_denied(self, fault: str) -> None:
        """Check that a search shows nothing, and that officer, operators and the log are told."""
        refusals = "SELECT count(*) FROM audit.event WHERE kind = 'refusal'"
        logged, before = await self.value(refusals), await self.alarms(fault)
        answer = await self.search()
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:athena:problem:decision-unavailable"
        assert SURNAME.lower() not in answer.text.lower()
        assert await self.alarms(fault) == before + 1
        assert await self.value(refusals) == logged + 1

    async def is_ready(self) -> bool:
        """Tell whether a decision could be made."""
        ready = await self.platform.client.get("/readyz")
        if ready.status_code != 200:
            assert ready.status_code == 503
            assert ready.json()["type"] == "urn:athena:problem:decision-unavailable"
        return ready.status_code == 200

    async def recovers(self) -> None:
        """Wait until decisions are made again, and the person is found."""
        await until(self.is_ready)
        answer = await self.search()
        assert answer.status_code == 200
        assert SURNAME in answer.text


@pytest.fixture(scope="module")
async def served(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """Yield the platform over a store of its own, with one person and a server that decides."""
    with cluster.locked():
        name = await cluster.create(consortium)
    async with (
        running_opa("--set=decision_logs.console=true") as opa,
        running_platform(
            cluster.store(name),
            tmp_path_factory.mktemp("data"),
            opa_url=f"http://127.0.0.1:{opa.port}",
            opa_deadline_seconds=5,  # long enough for a busy machine
        ) as platform,
    ):
        created = await platform.create("officer.kent", PERSON)
        assert created.status_code == 201, created.text
        yield Served(platform, opa, cluster, iter(list(product(MEMBERS, PURPOSES))))
    await cluster.drop(name)


@pytest.fixture
async def back(served: Served) -> AsyncIterator[None]:
    """Put the server back after a test, and see that the platform finds it without a restart."""
    yield
    await served.opa.stop()
    await served.opa.start()
    await served.recovers()


class TestDeciding:
    async def test_the_archive_tells_which_bundle_and_which_decision(self, served: Served) -> None:
        answer = await served.search()
        assert answer.status_code == 200
        assert SURNAME in answer.text
        archived = await served.value(
            "SELECT jsonb_build_array(bundle_revision, document -> 'engine') "
            "FROM policies.decision WHERE decision_id = $1",
            answer.json()["decision_id"],
        )
        revision, engine = json.loads(archived)
        assert revision == WasmPolicy.load().revision
        assert engine["name"] == "server"
        assert len(engine["decision_id"]) == 36


@pytest.mark.usefixtures("back")
class TestDenying:
    async def test_while_it_is_down(self, served: Served) -> None:
        await served.opa.stop()
        await served.is_denied("unreachable")
        assert not await served.is_ready()

    async def test_while_it_doesnt_answer(self, served: Served) -> None:
        served.opa.freeze()
        await served.is_denied("deadline")
        assert not await served.is_ready()

    async def test_while_it_has_an_old_bundle(self, served: Served, tmp_path: Path) -> None:
        await served.opa.stop()
        await served.opa.start(make_bundle(tmp_path, "an older one", "decisions := []"))
        await served.is_denied("revision")
        assert not await served.is_ready()

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [(b"{}", "malformed"), (b"not JSON", "malformed"), (b"\xff\xfe", "malformed")],
        ids=["nothing", "text", "bytes"],
    )
    async def test_while_it_answers_nonsense(
        self, served: Served, answer: bytes, fault: str
    ) -> None:
        await served.opa.stop()
        async with answering(http(answer), port=served.opa.port):
            await served.is_denied(fault)
            assert not await served.is_ready()


class TestStarting:
    async def test_an_old_bundle_is_told_in_one_sentence(
        self, fresh_store: Store, tmp_path: Path
    ) -> None:
        bundle = make_bundle(tmp_path, "an older one", "decisions := []")
        async with running_opa(bundle=bundle) as opa:
            settings = Settings(data_dir=tmp_path, opa_url=f"http://127.0.0.1:{opa.port}")
            with pytest.raises(ConfigurationError, match="another bundle"):
                async with running(fresh_store, settings):
                    raise AssertionError("it must not start")

    async def test_before_the_server_it_waits_for_it(
        self, fresh_store: Store, cluster: Cluster, tmp_path: Path
    ) -> None:
        async with (
            stopped_opa() as opa,
            running_platform(
                fresh_store, tmp_path, opa_url=f"http://127.0.0.1:{opa.port}"
            ) as platform,
        ):
            served = Served(platform, opa, cluster, iter(list(product(MEMBERS, PURPOSES))))
            assert not await served.is_ready()
            await served.is_denied("unreachable")
            await opa.start()
            await until(served.is_ready)
            assert (await served.search()).status_code == 200


class TestFigures:
    async def test_name_no_person_and_no_record(self, served: Served) -> None:
        page = await served.platform.client.get("/metrics")
        assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
        samples = [line for line in page.text.splitlines() if not line.startswith("#")]
        assert any(line.startswith("athena_decision_seconds_bucket") for line in samples)
        labels = {part.split("=")[0] for line in samples for part in labels_of(line)}
        assert labels <= {
            "engine",
            "failed",
            "fault",
            "force",
            "le",
            "outcome",
            "route",
            "source",
            "standby",
        }


def labels_of(line: str) -> list[str]:
    """Return the labels of a sample, each with its value."""
    return line.partition("{")[2].partition("}")[0].split(",") if "{" in line else []
