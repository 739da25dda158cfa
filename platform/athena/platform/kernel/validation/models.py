"""Rules as they stand in a rule file, and what they find."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Severity(enum.StrEnum):
    """Whether a finding stops the document or only tells."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a path: a field, and for a list which of its entries."""

    name: str
    many: bool = False
    key: str = ""
    values: frozenset[str] = frozenset()


_STEP = re.compile(r"([a-z_]+)(\[(?:([a-z_]+)=([a-z0-9_|]+))?\])?")


@lru_cache(maxsize=1024)
def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path such as ``contacts[kind=telephone|email].value``."""
    steps = []
    for part in text.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f"{text!r} isn't a path")
        name, many, key, values = match.groups()
        chosen = frozenset(values.split("|")) if values else frozenset()
        steps.append(Step(name, bool(many), key or "", chosen))
    return tuple(steps)


def _check_path(text: str) -> str:
    parse_path(text)
    return text


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} isn't a regular expression: {error.msg}") from None
    return text


Path = Annotated[str, AfterValidator(_check_path)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class When(_Part):
    """A condition: a rule holds only where a field has one of some values."""

    field: Path
    one_of: tuple[str, ...] = Field(min_length=1)


class Rule(_Part):
    """One rule: what it checks in which field, and what it says where that fails.

    ``present``: some value of the field isn't empty. ``any_present``: some value of some of the
    fields isn't. ``one_of``, ``pattern`` and ``longest`` hold for every value that is there.
    """

    code: str = Field(pattern=r"^[a-z][a-z_]{1,60}$")
    check: Literal["present", "any_present", "one_of", "pattern", "longest"]
    field: Path | None = None
    fields: tuple[Path, ...] = ()
    values: tuple[str, ...] = ()
    pattern: Annotated[str, AfterValidator(_check_pattern)] | None = None
    longest: int | None = Field(default=None, ge=1)
    when: When | None = None
    severity: Severity
    message: str = Field(min_length=1, max_length=300)

    @model_validator(mode="after")
    def _has_what_its_check_needs(self) -> Self:
        if (self.check == "any_present") != bool(self.fields) or bool(self.fields) == bool(
            self.field
        ):
            raise ValueError("any_present takes fields, every other check takes a field")
        needs = {"one_of": self.values, "pattern": self.pattern, "longest": self.longest}
        for check, value in needs.items():
            if (self.check == check) != bool(value):
                raise ValueError(f"{check} takes {'values' if check == 'one_of' else check}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that the rule looks at."""
        return self.fields or ((self.field,) if self.field else ())


class RuleSet(_Part):
    """The rules of one type of record."""

    record_type: str = Field(pattern=r"^[a-z_]{1,40}$")
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        codes = [rule.code for rule in self.rules]
        if len(set(codes)) != len(codes):
            raise ValueError("two rules have the same code")
        return self


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found, and where (a JSON pointer); it quotes nothing of the document."""

    code: str
    severity: Severity
    pointer: str
    message: str
