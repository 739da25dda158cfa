"""The coded values of a nominal, with their numbers in the POLE standards dictionary.

"POLE 034" is attribute 034 of the Minimum POLE Data Standards Dictionary, version 1.1 (2023).
Code lists without a public national source are this platform's own and say so.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from functools import lru_cache

from athena.platform.kernel.errors import InvalidInputError


class Sex(enum.StrEnum):
    """Sex as recorded, one letter (POLE 037); gender as a person states it is a text beside it."""

    FEMALE = "F"
    MALE = "M"
    UNKNOWN = "U"


class NameKind(enum.StrEnum):
    """What a recorded name is: POLE 031 given name and 032 surname, 033 alias or nickname."""

    PRIMARY = "primary"
    ALIAS = "alias"
    FORMER = "former"
    MAIDEN = "maiden"
    NICKNAME = "nickname"


class ContactKind(enum.StrEnum):
    """POLE 053 telephone and 054 email."""

    TELEPHONE = "telephone"
    EMAIL = "email"


class AddressKind(enum.StrEnum):
    """How a nominal is tied to a location (our own list)."""

    HOME = "home"
    PREVIOUS = "previous"
    WORK = "work"
    OTHER = "other"


class DescriptionAttribute(enum.StrEnum):
    """Descriptive attributes; the comment gives the POLE number."""

    ETHNICITY_SELF_DEFINED = "ethnicity_self_defined"  # 038
    BUILD = "build"  # 039
    COMPLEXION = "complexion"  # 040
    EYE_COLOUR_LEFT = "eye_colour_left"  # 041
    EYE_COLOUR_RIGHT = "eye_colour_right"  # 042
    DISTINGUISHING_FEATURE = "distinguishing_feature"  # 043
    HAIR = "hair"  # 046


class WarningMarker(enum.StrEnum):
    """Warnings to whoever meets the person (our own list, modelled on common practice)."""

    ALLEGES = "alleges"
    AILMENT = "ailment"
    CONTAGIOUS = "contagious"
    DRUGS = "drugs"
    ESCAPER = "escaper"
    EXPLOSIVES = "explosives"
    FIREARMS = "firearms"
    MENTAL_HEALTH = "mental_health"
    SELF_HARM = "self_harm"
    SUICIDAL = "suicidal"
    VIOLENT = "violent"
    VULNERABLE = "vulnerable"
    WEAPONS = "weapons"


class VulnerabilityFactor(enum.StrEnum):
    """Why a person is vulnerable in one involvement (our own list)."""

    AGE = "age"
    COERCIVE_CONTROL = "coercive_control"
    DEPENDENCY = "dependency"
    DISABILITY = "disability"
    DOMESTIC_ABUSE = "domestic_abuse"
    EXPLOITATION = "exploitation"
    HATE_CRIME = "hate_crime"
    ISOLATION = "isolation"
    MENTAL_HEALTH = "mental_health"
    REPEAT_VICTIM = "repeat_victim"


class SubjectCategory(enum.StrEnum):
    """Categories of data subject that must be told apart (Data Protection Act 2018, s.38(3))."""

    SUSPECT = "suspect"
    CONVICTED = "convicted"
    VICTIM = "victim"
    WITNESS = "witness"
    OTHER = "other"


class RecordClass(enum.StrEnum):
    """What a nominal can be involved in; each will be a module of its own."""

    INVESTIGATION = "investigation"
    INTELLIGENCE = "intelligence"
    CUSTODY = "custody"
    CASE = "case"


class AssessmentBasis(enum.StrEnum):
    """Where an assessment comes from: it is an opinion and stays apart from facts (s.38(2))."""

    OFFICER = "officer"
    PROFESSIONAL = "professional"
    INTELLIGENCE = "intelligence"


class Marking(enum.StrEnum):
    """Protective markings held here; OFFICIAL-SENSITIVE is a caveat on OFFICIAL, not a tier."""

    OFFICIAL = "OFFICIAL"
    OFFICIAL_SENSITIVE = "OFFICIAL-SENSITIVE"


class HandlingCode(enum.StrEnum):
    """Handling codes of the 3x5x2 intelligence report."""

    PERMITTED = "P"
    WITH_CONDITIONS = "C"


class HandlingCondition(enum.StrEnum):
    """Conditions under handling code C: covert or overt use, sanitisation (general knowledge)."""

    COVERT_DEVELOPMENT = "A1"
    COVERT_USE = "A2"
    OVERT_USE = "A3"
    SANITISE_DELEGATED = "S1"
    CONSULT_ORIGINATOR = "S2"


_OUTWARD_INWARD = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?|GIR)([0-9][ABD-HJLNP-UW-Z]{2})")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_E164 = re.compile(r"\+(?:44[1-9][0-9]{8,9}|(?!44)[1-9][0-9]{7,14})")
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a text read otherwise than it is stored; no name needs them."""
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cn", "Co", "Cs", "Zl", "Zp"})


@lru_cache(100)
def parse_marking(text: str) -> Marking:
    """Return a marking, or refuse what this platform may not hold."""
    try:
        return Marking(re.sub(r"[\s-]+", "-", text.strip().upper()))
    except ValueError:
        raise InvalidInputError(
            "This platform holds OFFICIAL and OFFICIAL-SENSITIVE only; "
            "anything marked higher must not be entered here.",
            field="/marking",
        ) from None


def parse_postcode(text: str) -> str:
    """Return a UK postcode (POLE 010) as ``AB1 2CD``; InvalidInputError for any other shape."""
    match = _OUTWARD_INWARD.fullmatch("".join(text.split()).upper())
    if match is None:
        raise InvalidInputError("Write the whole postcode, as in ZZ99 3WZ.", field="/postcode")
    return f"{match[1]} {match[2]}"


def parse_telephone(text: str) -> str:
    """Return a telephone number (POLE 053) as ``+`` and digits (ITU-T E.164); UK when national."""
    cleaned = re.sub(r"[\s().-]", "", text)
    if cleaned.startswith("00"):
        cleaned = "+" + cleaned[2:]
    elif cleaned.startswith("0"):
        cleaned = "+44" + cleaned[1:]
    if cleaned.startswith("+440"):  # written as +44 (0)…
        cleaned = "+44" + cleaned[4:]
    if not _E164.fullmatch(cleaned):
        raise InvalidInputError(
            "Write the telephone number with its area code, as in 01632 960123.",
            field="/telephone",
        )
    return cleaned


def parse_email(text: str) -> str:
    """Return an email address (POLE 054) in lower case."""
    cleaned = clean_text(text, "/email", 320).lower()
    if not _EMAIL.fullmatch(cleaned):
        raise InvalidInputError(
            "Write the email address in full, as in a@b.example.", field="/email"
        )
    return cleaned


def clean_text(text: str, field: str, longest: int, multiline: bool = False) -> str:
    """Return text stripped and composed (NFC), with its line ends as ``\\n``.

    InvalidInputError refuses over-long text, NULs and other control characters, and the marks
    that turn the direction of reading.
    """
    if text.isascii() and text.isprintable():  # most texts: nothing to compose or to refuse
        cleaned = text.strip()
        if len(cleaned) <= longest:
            return cleaned
    cleaned = unicodedata.normalize("NFC", text).strip()
    if multiline:
        cleaned = cleaned.replace("\r\n", "\n")  # what a form on a page sends
    if len(cleaned) > longest:
        raise InvalidInputError(f"Use at most {longest} characters.", field=field)
    allowed = "\n\t" if multiline else ""
    for character in cleaned:
        control = unicodedata.category(character) in _FORBIDDEN_CATEGORIES
        if (control and character not in allowed) or character in _BIDIRECTIONAL:
            raise InvalidInputError("Take out the control characters.", field=field)
    return cleaned
