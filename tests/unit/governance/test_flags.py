"""Who has what: the provider's cases, and that nothing else in the process changes an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason
from openfeature.provider.no_op_provider import NoOpProvider

from athena.governance.flags.models import FEATURES, Feature, Switch, Switches
from athena.governance.flags.provider import FeatureFlags, SwitchProvider
from athena.platform.kernel.features import BREAK_GLASS, LINK_SUGGESTIONS
from athena.platform.kernel.identity import TenantId

KENT, ESSEX = TenantId(2), TenantId(3)
SINCE = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ON, OFF = Switch(True, "R-1", SINCE), Switch(False, "R-2", SINCE)
DARK = Feature("dark-mode", "Dark mode", "Shows pages dark.", default=False)


@pytest.fixture
def provider() -> SwitchProvider:
    return SwitchProvider()


@pytest.fixture
def client(provider: SwitchProvider) -> Iterator[OpenFeatureClient]:
    api.set_provider_and_wait(provider, "test-flags")
    yield api.get_client("test-flags")
    api.set_provider(NoOpProvider(), "test-flags")


@pytest.mark.parametrize(
    ("known", "feature", "force", "on", "reason", "release"),
    [
        ({}, BREAK_GLASS, KENT, True, Reason.DEFAULT, None),
        ({}, DARK.name, KENT, False, Reason.DEFAULT, None),
        ({(BREAK_GLASS, KENT): OFF}, BREAK_GLASS, KENT, False, Reason.TARGETING_MATCH, "R-2"),
        ({(BREAK_GLASS, KENT): ON}, BREAK_GLASS, KENT, True, Reason.TARGETING_MATCH, "R-1"),
        ({(DARK.name, KENT): ON}, DARK.name, KENT, True, Reason.TARGETING_MATCH, "R-1"),
        ({(BREAK_GLASS, KENT): OFF}, BREAK_GLASS, ESSEX, True, Reason.DEFAULT, None),
        ({(BREAK_GLASS, KENT): OFF}, LINK_SUGGESTIONS, KENT, True, Reason.DEFAULT, None),
    ],
)
def test_what_a_force_has(
    monkeypatch: pytest.MonkeyPatch,
    provider: SwitchProvider,
    client: OpenFeatureClient,
    known: Switches,
    feature: str,
    force: TenantId,
    on: bool,
    reason: Reason,
    release: str | None,
) -> None:
    monkeypatch.setattr("athena.governance.flags.provider.FEATURES", {**FEATURES, DARK.name: DARK})
    provider.known = known
    # The client's own default is the contrary, so that it can't be what answers.
    found = client.get_boolean_details(feature, not on, EvaluationContext(str(force)))
    assert (found.value, found.reason, found.variant) == (on, reason, release)
    assert found.error_code is None


@pytest.mark.parametrize(
    ("feature", "key", "code"),
    [
        ("hover-boards", str(KENT), ErrorCode.FLAG_NOT_FOUND),
        (BREAK_GLASS, None, ErrorCode.TARGETING_KEY_MISSING),
        (BREAK_GLASS, "kent", ErrorCode.TARGETING_KEY_MISSING),
    ],
)
def test_what_cannot_be_answered_says_so(
    client: OpenFeatureClient, feature: str, key: str | None, code: ErrorCode
) -> None:
    found = client.get_boolean_details(feature, False, EvaluationContext(key))
    assert (found.value, found.error_code) == (False, code)


def test_a_feature_is_on_or_off(client: OpenFeatureClient) -> None:
    context = EvaluationContext(str(KENT))
    codes = {
        client.get_string_details(BREAK_GLASS, "x", context).error_code,
        client.get_integer_details(BREAK_GLASS, 1, context).error_code,
        client.get_float_details(BREAK_GLASS, 1.5, context).error_code,
        client.get_object_details(BREAK_GLASS, {}, context).error_code,
    }
    assert codes == {ErrorCode.TYPE_MISMATCH}


def test_two_platforms_in_a_process_answer_for_themselves() -> None:
    one, other = SwitchProvider(), SwitchProvider()
    first, second = FeatureFlags(one), FeatureFlags(other)
    one.known = {(BREAK_GLASS, KENT): OFF}
    assert (first.on(BREAK_GLASS, KENT), second.on(BREAK_GLASS, KENT)) == (False, True)
    second.close()
    assert not first.on(BREAK_GLASS, KENT)
    first.close()


def test_what_others_set_for_the_process_changes_no_answer() -> None:
    provider = SwitchProvider()
    flags = FeatureFlags(provider)
    provider.known = {(BREAK_GLASS, KENT): OFF}
    api.set_evaluation_context(EvaluationContext(targeting_key=str(ESSEX)))
    try:
        assert not flags.on(BREAK_GLASS, KENT)
        assert flags.on(BREAK_GLASS, ESSEX)
    finally:
        api.set_evaluation_context(EvaluationContext())
        flags.close()


def test_an_unknown_feature_is_a_fault_of_the_program() -> None:
    flags = FeatureFlags(SwitchProvider())
    with pytest.raises(KeyError):
        flags.on("hover-boards", KENT)
    flags.close()
