# ruff: noqa: ARG002 - the SDK calls providers with these names, needed or not
"""The platform's own OpenFeature provider: it answers from memory, by feature and force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn
from uuid import uuid4

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, TargetingKeyMissingError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.provider.no_op_provider import NoOpProvider

from athena.governance.flags.models import FEATURES, Switches
from athena.platform.kernel.identity import TenantId

NOTHING: Switches = MappingProxyType({})


class SwitchProvider(AbstractProvider):
    """Resolves a feature for the force that the context's targeting key names.

    What it knows is one mapping that nobody changes: it is replaced whole, so a thread that asks
    meanwhile sees what was before or what is after, and never a part of either.
    """

    def __init__(self) -> None:
        super().__init__()
        self.known: Switches = NOTHING

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata(name="athena")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Return what the newest release said, or the feature's default; the variant is it."""
        if flag_key not in FEATURES:
            raise FlagNotFoundError(f"there is no feature '{flag_key}'")
        force = evaluation_context.targeting_key if evaluation_context else None
        if not force or not force.isdecimal():
            raise TargetingKeyMissingError("the targeting key is the force's number")
        held = self.known.get((flag_key, TenantId(int(force))))
        if held is None:
            return FlagResolutionDetails(FEATURES[flag_key].default, reason=Reason.DEFAULT)
        return FlagResolutionDetails(held.on, reason=Reason.TARGETING_MATCH, variant=held.release)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """Refuse: a feature is on or off."""
        _refuse(flag_key)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Refuse: a feature is on or off."""
        _refuse(flag_key)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Refuse: a feature is on or off."""
        _refuse(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Refuse: a feature is on or off."""
        _refuse(flag_key)


class FeatureFlags:
    """`kernel.features.Features` over an OpenFeature client of its own.

    The SDK's registry, its hooks and its context belong to the whole process. The client's domain
    is random, so two platforms in one process never answer for each other, and the force is given
    with every question, so a context that somebody sets globally can't change whose answer it is.
    """

    def __init__(self, provider: SwitchProvider) -> None:
        self._domain = f"athena-{uuid4()}"
        api.set_provider_and_wait(provider, self._domain)
        self._client = api.get_client(self._domain)

    def on(self, feature: str, force: TenantId) -> bool:
        """Whether a force has a feature now; KeyError for what is no feature of the platform."""
        # The client gives the default for whatever goes wrong, so what is unknown fails before it.
        default = FEATURES[feature].default
        return self._client.get_boolean_value(
            feature, default, EvaluationContext(targeting_key=str(force))
        )

    def close(self) -> None:
        """Let the registry forget the provider."""
        api.set_provider(NoOpProvider(), self._domain)


def _refuse(flag_key: str) -> NoReturn:
    raise TypeMismatchError(f"'{flag_key}' is on or off")
