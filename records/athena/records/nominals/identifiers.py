"""Identifiers of a person: every short form read, every check letter verified, one stored form.

The rules of PNC ID, CRO number, arrest summons number, CRN and NOMIS number are those of the
Ministry of Justice's open person-record service and of the Bichard 7 source; POLE numbers are
those of the Minimum POLE Data Standards Dictionary v1.1 (2023). Crime numbers, custody numbers and
URNs have no public national format: each is the force's own, with the force code in front.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import date

from athena.platform.kernel import clock
from athena.platform.kernel.errors import InvalidInputError

CHECK_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"


class IdentifierKind(enum.StrEnum):
    """Which register a number belongs to, with its POLE number."""

    PNC_ID = "pnc_id"  # 072
    CRO_NUMBER = "cro_number"  # 071
    ARREST_SUMMONS_NUMBER = "arrest_summons_number"  # 073
    NATIONAL_INSURANCE_NUMBER = "national_insurance_number"  # 060
    DRIVING_LICENCE_NUMBER = "driving_licence_number"  # 061
    PROBATION_CRN = "probation_crn"
    PRISON_NOMIS_NUMBER = "prison_nomis_number"
    CUSTODY_NUMBER = "custody_number"
    CRIME_NUMBER = "crime_number"
    URN = "urn"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number in its one stored form."""

    kind: IdentifierKind
    value: str


def check_letter(number: int) -> str:
    """Return the check letter of a number: the letter at number modulo 23."""
    return CHECK_LETTERS[number % 23]


def make_pnc_id(year: int, serial: int) -> Identifier:
    """Return the PNC ID ``YYYY/NNNNNNNC`` of a year and a serial of up to seven digits."""
    letter = check_letter(int(f"{year % 100:02}{serial:07}"))
    return Identifier(IdentifierKind.PNC_ID, f"{year:04}/{serial:07}{letter}")


def make_cro_number(year: int, serial: int) -> Identifier:
    """Return the CRO number ``NNNNNN/YYC`` of a year and a serial of up to six digits."""
    letter = check_letter(int(f"{year % 100:02}{serial:06}"))
    return Identifier(IdentifierKind.CRO_NUMBER, f"{serial:06}/{year % 100:02}{letter}")


def make_search_file_number(year: int, serial: int) -> Identifier:
    """Return the CRO number ``SFYY/NNNNNNC`` of a file without fingerprints; nothing is padded."""
    letter = check_letter(int(f"{year % 100:02}{serial}"))
    return Identifier(IdentifierKind.CRO_NUMBER, f"SF{year % 100:02}/{serial}{letter}")


def make_arrest_summons_number(
    year: int, force: str, unit: str, system: str, sequence: int
) -> Identifier:
    """Return an arrest summons number: YY, force, unit, system, 11-digit sequence, letter."""
    letter = check_letter(_summons_number(f"{year % 100:02}", force, system, f"{sequence:011}"))
    value = f"{year % 100:02}{force}{unit}{system}{sequence:011}{letter}"
    return Identifier(IdentifierKind.ARREST_SUMMONS_NUMBER, value)


def parse_identifier(kind: IdentifierKind, text: str, today: date | None = None) -> Identifier:
    """Return the stored form of a number, or InvalidInputError that names the rule.

    Where a PNC ID without its slash fits two years, the four-digit year is taken. ``today`` sets
    the century of two-digit years. The number itself is never quoted: messages reach logs.
    """
    return _readings(kind, _clean(text), today or clock.today())[0]


def guess_identifiers(text: str, today: date | None = None) -> list[Identifier]:
    """Return every identifier that a typed text can be, of any kind; none when it is none."""
    found: list[Identifier] = []
    for kind in IdentifierKind:
        try:
            found += _readings(kind, _clean(text), today or clock.today())
        except InvalidInputError:
            continue
    return found


_FIELD = "/identifier"
_OWN_PATTERN = (
    r"[0-9]{2}[A-Z0-9]{0,4}/[A-Z0-9-]{1,30}/[A-Z0-9/-]{1,20}",
    "Write the number with the force code in front, as in 46/00123/26.",
)
_SUMMONS_COMPACT = r"(\d{2})([A-Z0-9]{2})([A-Z0-9]{2})([A-Z0-9]{2})(\d{1,11})([A-Z])"
_SUMMONS_SLASHED = r"(?:\d{2})?(\d{2})/([A-Z0-9]{2})/?([A-Z0-9]{2})/([A-Z0-9]{2})/(\d{1,11})([A-Z])"
_PATTERNS = {
    IdentifierKind.NATIONAL_INSURANCE_NUMBER: (
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]",
        "Write a National Insurance number as two letters of a prefix in use, six digits and "
        "a letter from A to D.",
    ),
    # Five letters of the surname filled up with 9; date of birth with 50 added to a woman's month;
    # initials filled up with 9; three characters more (general knowledge of the field).
    IdentifierKind.DRIVING_LICENCE_NUMBER: (
        r"(?:[A-Z]{5}|[A-Z]{4}9|[A-Z]{3}99|[A-Z]{2}999|[A-Z]9999)"
        r"[0-9](?:[05][1-9]|[16][0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]"
        r"(?:[A-Z][A-Z9]|99)[A-Z0-9]{3}",
        "Write all 16 characters of the driving licence number.",
    ),
    IdentifierKind.PROBATION_CRN: (
        r"[A-Z][0-9]{6}",
        "Write a probation CRN as a letter and six digits, as in X123456.",
    ),
    IdentifierKind.PRISON_NOMIS_NUMBER: (
        r"[A-Z][0-9]{4}[A-Z]{2}",
        "Write a prison number as a letter, four digits and two letters, as in A1234BC.",
    ),
    IdentifierKind.CUSTODY_NUMBER: _OWN_PATTERN,
    IdentifierKind.CRIME_NUMBER: _OWN_PATTERN,
    IdentifierKind.URN: _OWN_PATTERN,
}


def _clean(text: str) -> str:
    cleaned = "".join(text.split()).upper()
    if len(cleaned) > 64 or not cleaned.isprintable() or not cleaned.isascii():
        raise InvalidInputError("An identifier has at most 64 plain characters.", field=_FIELD)
    return cleaned


def _readings(kind: IdentifierKind, text: str, today: date) -> list[Identifier]:
    """Return the numbers of a kind that a cleaned text can be: one or more, or an error."""
    match kind:
        case IdentifierKind.PNC_ID:
            return _pnc_ids(text, today)
        case IdentifierKind.CRO_NUMBER:
            return [_cro_number(text)]
        case IdentifierKind.ARREST_SUMMONS_NUMBER:
            return [_arrest_summons_number(text)]
    pattern, rule = _PATTERNS[kind]
    if not re.fullmatch(pattern, text):
        raise InvalidInputError(rule, field=_FIELD)
    return [Identifier(kind, text)]


def _pnc_ids(text: str, today: date) -> list[Identifier]:
    if match := re.fullmatch(r"(\d{4}|\d{2})/(\d{1,7})([A-Z])", text):
        year, serial, letter = match.groups()
        splits = [(year, serial)]
    elif match := re.fullmatch(r"(\d{3,11})([A-Z])", text):
        digits, letter = match.groups()
        # Without the slash both lengths of the year are possible.
        splits = [(digits[:4], digits[4:])] if re.match(r"(19|20)\d{3}", digits) else []
        splits += [(digits[:2], digits[2:])] if len(digits) <= 9 else []
    else:
        raise InvalidInputError("Write a PNC ID as in 2003/0123456X.", field=_FIELD)
    made = [make_pnc_id(_full_year(year, today), int(serial)) for year, serial in splits]
    fitting = [identifier for identifier in made if identifier.value[-1] == letter]
    if not fitting:
        raise _wrong_letter("PNC ID")
    return fitting


def _cro_number(text: str) -> Identifier:
    if match := re.fullmatch(r"SF(\d{2})/?(\d{1,6})([A-Z])", text):
        year, serial, letter = match.groups()
        made = make_search_file_number(int(year), int(serial))
    elif match := re.fullmatch(r"(\d{1,6})/?(\d{2})([A-Z])", text):
        serial, year, letter = match.groups()
        made = make_cro_number(int(year), int(serial))
    else:
        raise InvalidInputError("Write a CRO number as in 123456/03X or SF03/1234X.", field=_FIELD)
    if made.value[-1] != letter:
        raise _wrong_letter("CRO number")
    return made


def _arrest_summons_number(text: str) -> Identifier:
    match = re.fullmatch(_SUMMONS_SLASHED if "/" in text else _SUMMONS_COMPACT, text)
    if match is None:
        raise InvalidInputError(
            "Write an arrest summons number as in 0807NRPR00000038482H.", field=_FIELD
        )
    year, force, unit, system, sequence, letter = match.groups()
    made = make_arrest_summons_number(int(year), force, unit, system, int(sequence))
    if made.value[-1] != letter:
        raise _wrong_letter("arrest summons number")
    return made


def _wrong_letter(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"The {what}'s check letter at the end doesn't fit the rest; check each character.",
        field=_FIELD,
    )


def _summons_number(year: str, force: str, system: str, sequence: str) -> int:
    """Return the number behind the check letter: a force or system with letters is left out."""
    parts = [part for part in (force, system) if part.isdigit()]
    return int("".join([*parts, year, sequence]))


def _full_year(year: str, today: date) -> int:
    """Return a year of four digits; one of two above the current year is 19xx."""
    number = int(year)
    if len(year) == 4:
        return number
    return number + (1900 if number > today.year % 100 else 2000)
