"""A formula as data, the bases it reads, and the shares it gives.

The real consortium's formula isn't public, so none is built in. The kinds are the common ones of
police collaborations (general knowledge of the field): see docs/costs.md.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from athena.governance.apportionment.money import LARGEST_PENCE
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import TenantId

DEEPEST = 4
"""How many blends and bounds may stand in one another: more than any manager can follow."""


class Measure(enum.StrEnum):
    """What a force is measured by, for a financial year."""

    HEADCOUNT = "headcount"
    NET_REVENUE_EXPENDITURE = "net_revenue_expenditure"
    POPULATION = "population"
    USAGE = "usage"

    @property
    def words(self) -> str:
        """The measure as a sentence names it."""
        return self.value.replace("_", " ")


def plain(number: Decimal) -> str:
    """Return a number without an exponent or zeros at its end."""
    return f"{number.normalize():f}"


Percentage = Annotated[
    Decimal,
    Field(ge=0, le=100, decimal_places=4, max_digits=7),
    AfterValidator(lambda number: Decimal(plain(number))),
    PlainSerializer(plain, return_type=str),
]
"""0 to 100, with at most four decimal places; one way of writing each."""

Force = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
"""The short name of a force, such as west-mercia."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Equal(_Part):
    """Everyone who takes part pays the same."""

    kind: Literal["equal"] = "equal"


class ByMeasure(_Part):
    """Each pays in proportion to what it is measured by, in the financial year of the bases."""

    kind: Literal["measure"] = "measure"
    measure: Measure


class Fixed(_Part):
    """Each pays a percentage that was agreed; those of everyone named add up to 100.

    Where only some of them take part, they pay in proportion to their percentages.
    """

    kind: Literal["fixed"] = "fixed"
    percentages: Annotated[dict[Force, Percentage], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _whole(self) -> Fixed:
        total = sum(self.percentages.values(), Decimal(0))
        if total != 100:
            raise InvalidInputError(
                f"Fixed percentages add up to 100; these add up to {plain(total)}."
            )
        return self


class Stated(_Part):
    """Each pays in proportion to the sum that was stated for it: exactly that of the same cost.

    Nobody else can take part: no sum was stated for it.
    """

    kind: Literal["stated"] = "stated"
    pence: Annotated[
        dict[Force, Annotated[StrictInt, Field(ge=0, le=LARGEST_PENCE)]],
        Field(min_length=1, max_length=100),
    ]

    @model_validator(mode="after")
    def _something(self) -> Stated:
        if not any(self.pence.values()):
            raise InvalidInputError("State a sum above nought for somebody.")
        return self


class Weighted(_Part):
    """A part of a blend: so many per cent of the cost are shared by this formula."""

    weight: Percentage
    formula: Formula


class Blend(_Part):
    """Parts of the cost are each shared by a formula of their own; the weights add up to 100."""

    kind: Literal["blend"] = "blend"
    parts: Annotated[tuple[Weighted, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _whole(self) -> Blend:
        total = sum((part.weight for part in self.parts), Decimal(0))
        if total != 100:
            raise InvalidInputError(
                f"The weights of a blend add up to 100; these add up to {plain(total)}."
            )
        return self


class Bounded(_Part):
    """Nobody pays less than a floor or more than a cap, in per cent of the cost.

    What a floor or a cap moves is borne by those between theirs, in proportion to their shares.
    ``floors`` and ``caps`` are for single forces and go before ``floor`` and ``cap``. They don't
    stand in one another: then a force that is measured more could come to bear less.
    """

    kind: Literal["bounded"] = "bounded"
    formula: Formula
    floor: Percentage = Decimal(0)
    cap: Percentage = Decimal(100)
    floors: Annotated[dict[Force, Percentage], Field(max_length=100)] = Field(default_factory=dict)
    caps: Annotated[dict[Force, Percentage], Field(max_length=100)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Bounded:
        if _holds_bounds(self.formula):
            raise InvalidInputError("Floors and caps can't stand in other floors and caps.")
        if self.floor > self.cap:
            raise InvalidInputError("A floor can't be above the cap.")
        for force in {*self.floors, *self.caps}:
            lowest, highest = self.bounds(force)
            if lowest > highest:
                raise InvalidInputError(f"The floor of {force} is above its cap.")
        return self

    def bounds(self, force: str) -> tuple[Fraction, Fraction]:
        """Return the lowest and the highest part of the cost that a force may bear."""
        lowest = self.floors.get(force, self.floor)
        highest = self.caps.get(force, self.cap)
        return Fraction(lowest) / 100, Fraction(highest) / 100


Formula = Annotated[
    Equal | ByMeasure | Fixed | Stated | Blend | Bounded, Field(discriminator="kind")
]
"""How a cost is shared: one kind, or kinds in one another."""

Weighted.model_rebuild()
Blend.model_rebuild()
Bounded.model_rebuild()
_FORMULA: TypeAdapter[Formula] = TypeAdapter(Formula)


def parse_formula(document: Any) -> Formula:
    """Return the formula of a document; InvalidInputError says what is wrong, and where."""
    if _depth(document) > DEEPEST:
        raise InvalidInputError(
            f"A formula may hold formulas at most {DEEPEST} deep.", field="/formula"
        )
    try:
        return _FORMULA.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(["/formula", *map(str, first["loc"])])
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise InvalidInputError(f"The formula can't be used: {message}.", field=place) from None


def formula_document(formula: Formula) -> dict[str, Any]:
    """Return a formula as it is stored: one way of writing each."""
    document: dict[str, Any] = _FORMULA.dump_python(formula, mode="json")
    return document


def measures_of(formula: Formula) -> frozenset[Measure]:
    """Return what a formula measures forces by: the bases that it can't do without."""
    match formula:
        case ByMeasure():
            return frozenset({formula.measure})
        case Blend():
            return frozenset().union(*(measures_of(part.formula) for part in formula.parts))
        case Bounded():
            return measures_of(formula.formula)
        case _:
            return frozenset()


def _holds_bounds(formula: Formula) -> bool:
    if isinstance(formula, Blend):
        return any(_holds_bounds(part.formula) for part in formula.parts)
    return isinstance(formula, Bounded)


def _depth(document: Any, limit: int = DEEPEST + 1) -> int:
    """Return how deep formulas stand in one another, or ``limit`` where it is at least that."""
    if limit == 0 or not isinstance(document, Mapping):
        return 0
    inner = [document["formula"]] if "formula" in document else []
    parts = document.get("parts", [])
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        inner += [part.get("formula") for part in parts if isinstance(part, Mapping)]
    return 1 + max((_depth(each, limit - 1) for each in inner), default=0)


@dataclass(frozen=True, slots=True)
class Bases:
    """A force that takes part, and what it is measured by: pence for expenditure, else a count."""

    force: str
    name: str
    values: Mapping[Measure, int]


@dataclass(frozen=True, slots=True)
class Share:
    """What a force bears of a cost, exactly and to the penny, and why in a sentence."""

    tenant_id: TenantId
    force: str
    name: str
    pence: int
    proportion: Fraction
    sentence: str


@dataclass(frozen=True, slots=True)
class Shares:
    """A cost and everyone's share of it, by the force's number; they add up to the penny."""

    amount_pence: int
    shares: tuple[Share, ...]

    def pence(self) -> dict[TenantId, int]:
        """Return the pence of each force."""
        return {share.tenant_id: share.pence for share in self.shares}
