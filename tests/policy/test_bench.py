"""The measurement of decisions measures both engines."""

from __future__ import annotations

import pytest

from athena.platform.benchmarks.decisions import measure
from athena.platform.kernel.settings import Settings
from support.opa import running_opa

pytestmark = pytest.mark.needs_opa


async def test_both_engines_are_measured_with_each_number_of_agreements() -> None:
    told: list[str] = []
    report = await measure(Settings(), [3, 40], 10, told.append)
    assert [(row["engine"], row["agreements"]) for row in report["rows"]] == [
        ("embedded", 3),
        ("server", 3),
        ("embedded", 40),
        ("server", 40),
    ]
    for row in report["rows"]:
        assert row["cold"]["per_second"] > 0
        assert row["remembered"]["p50"] <= row["remembered"]["p99"]
    assert len(told) == 4


async def test_the_server_of_the_settings_is_measured() -> None:
    async with running_opa() as opa:
        settings = Settings(opa_url=f"http://127.0.0.1:{opa.port}")
        report = await measure(settings, [3], 10, lambda _: None)
    assert [row["engine"] for row in report["rows"]] == ["embedded", "server"]
