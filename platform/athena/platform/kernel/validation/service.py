"""Evaluating rules over a document that may be half written; pure functions over packaged data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from pydantic import ValidationError

from athena.platform.kernel.errors import ConfigurationError, InvalidInputError
from athena.platform.kernel.validation.models import (
    Finding,
    Rule,
    RuleSet,
    Severity,
    Step,
    parse_path,
)

Found = tuple[str, object]
"""A value of a document and the JSON pointer of its place."""


@cache
def rules_for(record_type: str) -> tuple[Rule, ...]:
    """Return the packaged rules of a type of record; none where there is no file of it."""
    file = files("athena.platform.kernel.validation") / "rules" / f"{record_type}.toml"
    if not re.fullmatch(r"[a-z_]{1,40}", record_type) or not file.is_file():
        return ()
    return read_rules(file.read_text(encoding="utf-8")).rules


def read_rules(text: str) -> RuleSet:
    """Return the rules of a rule file, or ConfigurationError that says what is wrong in it."""
    try:
        return RuleSet.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The rule file isn't TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"The rule file is wrong at {place or 'its top'}: {first['msg']}."
        ) from None


def validate(rules: Sequence[Rule], document: Mapping[str, object]) -> list[Finding]:
    """Return everything that the rules find, what blocks first, else in the rules' order."""
    try:
        found = [finding for rule in rules for finding in _apply(rule, document)]
    except RecursionError:
        raise InvalidInputError("The document is nested too deeply to be checked.") from None
    return sorted(found, key=lambda finding: finding.severity is not Severity.BLOCK)


def refuse_blocked(findings: Sequence[Finding]) -> None:
    """Raise InvalidInputError with every finding that blocks, where there is one."""
    errors = [
        {"field": finding.pointer, "detail": finding.message, "code": finding.code}
        for finding in findings
        if finding.severity is Severity.BLOCK
    ]
    if errors:
        places = ", ".join(sorted({error["field"] for error in errors}))
        raise InvalidInputError(f"Complete or mend these fields: {places}.", errors=errors)


def _apply(rule: Rule, document: Mapping[str, object]) -> Iterator[Finding]:
    if rule.when is not None:
        values = {value for _, value in _values(document, rule.when.field) if _is_text(value)}
        if values.isdisjoint(rule.when.one_of):
            return
    found = [each for path in rule.paths for each in _values(document, path) if _is_there(each[1])]
    if rule.check in ("present", "any_present"):
        if not found:
            yield _finding(rule, _pointer_of(rule.paths[0]))
        return
    for pointer, value in found:
        if not _holds(rule, value):
            yield _finding(rule, pointer)


def _holds(rule: Rule, value: object) -> bool:
    text = value if isinstance(value, str) else str(value)
    if rule.check == "one_of":
        return text in rule.values
    if rule.check == "pattern":
        return rule.pattern is not None and re.fullmatch(rule.pattern, text) is not None
    return rule.longest is not None and len(text) <= rule.longest


def _values(document: object, path: str) -> list[Found]:
    """Return every value at a path; what a half-written document lacks isn't there."""
    found: list[Found] = [("", document)]
    for step in parse_path(path):
        found = [below for pointer, value in found for below in _below(pointer, value, step)]
    return found


def _below(pointer: str, value: object, step: Step) -> Iterator[Found]:
    if not isinstance(value, Mapping) or step.name not in value:
        return
    place, child = f"{pointer}/{step.name}", value[step.name]
    if not step.many:
        yield place, child
    elif isinstance(child, list | tuple):
        for index, entry in enumerate(child):
            if not step.key or _is_chosen(entry, step):
                yield f"{place}/{index}", entry


def _is_chosen(entry: object, step: Step) -> bool:
    value = entry.get(step.key) if isinstance(entry, Mapping) else None
    return isinstance(value, str) and value in step.values


def _is_there(value: object) -> bool:
    """Whether a value says anything: text with more than blanks, or whatever isn't empty."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Mapping):
        return any(_is_there(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_is_there(part) for part in value)
    return value is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _pointer_of(path: str) -> str:
    """Return where a missing value belongs, as far as the document's lists allow to say it."""
    pointer = ""
    for step in parse_path(path):
        pointer += f"/{step.name}"
        if step.many:
            break
    return pointer


def _finding(rule: Rule, pointer: str) -> Finding:
    return Finding(rule.code, rule.severity, pointer, rule.message)
