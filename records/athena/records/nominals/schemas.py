"""A nominal as it is written and read: the same shapes for the API, the importer and the seed.

Facts and assessments are kept apart (Data Protection Act 2018, s.38(2)); the subject's category
belongs to an involvement, because one person can be a victim in one case and a suspect in another.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import FieldGroup, Level
from athena.records.nominals.dates import PartialDate, check_date_of_birth, parse_partial_date
from athena.records.nominals.identifiers import IdentifierKind, parse_identifier
from athena.records.nominals.values import (
    AddressKind,
    AssessmentBasis,
    ContactKind,
    DescriptionAttribute,
    HandlingCode,
    HandlingCondition,
    Marking,
    NameKind,
    RecordClass,
    Sex,
    SubjectCategory,
    VulnerabilityFactor,
    WarningMarker,
    clean_text,
    parse_email,
    parse_marking,
    parse_postcode,
    parse_telephone,
)

MOST_ROWS = 50
"""The most rows that one field group of a nominal may have."""


def _text(longest: int, multiline: bool = False) -> Any:
    """Return the annotation of a text field of at most ``longest`` characters."""
    return AfterValidator(lambda text: clean_text(text, "", longest, multiline))


def _partial_date(value: Any) -> Any:
    return parse_partial_date(value) if isinstance(value, str) else value


ShortText = Annotated[str, _text(200)]
LongText = Annotated[str, Field(min_length=1), _text(10_000, multiline=True)]
Partial = Annotated[
    PartialDate,
    BeforeValidator(_partial_date),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["1980-03-12", "1980-03", "1980"]}),
]


class Draft(BaseModel):
    """A part of a nominal to be written: immutable, and refused whole when a field is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class NameDraft(Draft):
    """A name: POLE 031 given names, 032 surname, 033 alias."""

    kind: NameKind = NameKind.PRIMARY
    given_names: Annotated[str, _text(100)] = ""
    surname: Annotated[str, _text(100)] = ""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        letters = self.given_names + self.surname
        if not (letters.isalpha() or any(character.isalpha() for character in letters)):
            raise InvalidInputError("A name needs letters in a given name or a surname.")
        return self


class IdentifierDraft(Draft):
    """An identifier in any short form; it is stored in its full form."""

    kind: IdentifierKind
    value: str

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, data: Any) -> Any:
        if isinstance(data, dict) and {"kind", "value"} <= data.keys():
            kind = IdentifierKind(data["kind"])
            return {**data, "value": parse_identifier(kind, str(data["value"])).value}
        return data


class ContactDraft(Draft):
    """A telephone number (POLE 053) or an email address (POLE 054)."""

    kind: ContactKind
    value: str

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, data: Any) -> Any:
        if isinstance(data, dict) and {"kind", "value"} <= data.keys():
            parse = parse_email if data["kind"] == ContactKind.EMAIL else parse_telephone
            return {**data, "value": parse(str(data["value"]))}
        return data


class LocationDraft(Draft):
    """A place: POLE 006 premises, 007 street, 008 town, 009 county, 010 postcode, 011 UPRN."""

    premises: ShortText = ""
    street: ShortText = ""
    town: ShortText = ""
    county: ShortText = ""
    postcode: Annotated[str, AfterValidator(parse_postcode)] | None = None
    uprn: int | None = Field(default=None, ge=1, le=999_999_999_999)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)


class AddressDraft(Draft):
    """How a nominal is tied to a location, and from when to when."""

    kind: AddressKind = AddressKind.HOME
    location: LocationDraft
    valid_from: date | None = None
    valid_to: date | None = None


class DescriptionDraft(Draft):
    """One descriptive attribute (POLE 038 to 046)."""

    attribute: DescriptionAttribute
    value: Annotated[str, Field(min_length=1), _text(500)]


class MarkerDraft(Draft):
    """A warning marker."""

    code: WarningMarker
    note: Annotated[str, _text(500)] = ""
    valid_from: date | None = None
    valid_to: date | None = None


class AssessmentDraft(Draft):
    """A personal assessment: an opinion, never mixed with facts (s.38(2))."""

    basis: AssessmentBasis
    text: LongText


class InvolvementDraft(Draft):
    """A nominal's part in a record; the subject category belongs here (s.38(3))."""

    record_class: RecordClass
    record_number: Annotated[str, Field(min_length=1), _text(64)]
    role: SubjectCategory
    vulnerability_factors: tuple[VulnerabilityFactor, ...] = ()


class NominalDraft(Draft):
    """A whole nominal to be written."""

    names: tuple[NameDraft, ...] = Field(min_length=1, max_length=MOST_ROWS)
    sex: Sex | None = None
    gender: ShortText | None = None
    date_of_birth: Partial | None = None
    date_of_death: date | None = None
    place_of_birth: ShortText | None = None
    identifiers: tuple[IdentifierDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    contacts: tuple[ContactDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    addresses: tuple[AddressDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    descriptions: tuple[DescriptionDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    markers: tuple[MarkerDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    assessments: tuple[AssessmentDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    involvements: tuple[InvolvementDraft, ...] = Field(default=(), max_length=MOST_ROWS)
    marking: Annotated[Marking, BeforeValidator(lambda v: parse_marking(str(v)))] = Marking.OFFICIAL
    handling: HandlingCode = HandlingCode.PERMITTED
    conditions: tuple[HandlingCondition, ...] = ()
    sensitive: bool = False
    restricted: bool = False
    sealed: bool = Field(default=False, description="Never opened in an emergency")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(name.kind is NameKind.PRIMARY for name in self.names) != 1:
            raise InvalidInputError("A nominal has exactly one primary name.")
        now = today()
        if self.date_of_birth is not None:
            check_date_of_birth(self.date_of_birth, now)
        if self.date_of_death is not None:
            if self.date_of_death > now:
                raise InvalidInputError("A date of death can't be in the future.")
            if self.date_of_birth is not None and self.date_of_death < self.date_of_birth.earliest:
                raise InvalidInputError("A date of death can't be before the birth.")
        if self.conditions and self.handling is HandlingCode.PERMITTED:
            raise InvalidInputError("Conditions need handling code C.")
        return self

    @property
    def categories(self) -> tuple[SubjectCategory, ...]:
        """The categories of the subject over all involvements, for the label."""
        return tuple(sorted({involvement.role for involvement in self.involvements}))


class NameView(BaseModel):
    """A recorded name."""

    kind: NameKind
    given_names: str
    surname: str


class InvolvementView(BaseModel):
    """A part in a record; the record's number only where its own label shows it."""

    role: SubjectCategory
    vulnerability_factors: list[VulnerabilityFactor]
    record_class: RecordClass | None
    record_number: str | None


class NominalView(BaseModel):
    """A nominal as a member may see it: groups that aren't shown are absent, not empty."""

    names: list[NameView]
    sex: Sex | None
    gender: str | None
    date_of_birth: str | None
    date_of_death: date | None
    place_of_birth: str | None
    version: int
    marking: Marking
    handling: HandlingCode
    conditions: list[HandlingCondition]
    restricted: bool
    sealed: bool
    identifiers: list[IdentifierDraft] | None = None
    contacts: list[ContactDraft] | None = None
    addresses: list[AddressDraft] | None = None
    descriptions: list[DescriptionDraft] | None = None
    markers: list[MarkerDraft] | None = None
    assessments: list[AssessmentDraft] | None = None
    involvements: list[InvolvementView] | None = None


class Disclosed(BaseModel):
    """A nominal with what the disclosure rests on and what it leaves out."""

    id: UUID
    owner_force: str
    disclosure: Level
    agreement_id: UUID | None
    reasons: list[str]
    obligations: list[str]
    withheld: list[FieldGroup]
    nominal: NominalView
    merged_into: UUID | None = Field(
        default=None, description="The nominal that stands for this duplicate, if you may see both"
    )


class ChangedNominal(BaseModel):
    """A nominal that was created, amended or erased."""

    id: UUID
    version: int
    operation: Literal["created", "amended", "erased"]
    changed_at: datetime


class Changes(BaseModel):
    """A part of the change feed; ask again with ``next`` as ``after`` for what follows it."""

    changes: list[ChangedNominal]
    next: str = Field(description="Where to go on from; opaque, and never goes back")


class ReplacedRow(BaseModel):
    """A row of a nominal as it was before a change, and who made the change."""

    section: str
    row_id: UUID
    image: dict[str, Any]
    valid_from: datetime
    replaced_at: datetime
    replaced_by: UUID | None
