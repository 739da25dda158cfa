"""Identifiers of a person: every short form read, every check letter verified, one stored form.

The rules of PNC ID, CRO number, arrest summons number, CRN and NOMIS number are those of the
Ministry of Justice's open person-record service and of the Bichard 7 source; POLE numbers are
those of the Minimum POLE Data Standards Dictionary v1.1 (2023).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime

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


def make_arrest_summons_number(
    year: int, force: str, unit: str, system: str, sequence: int
) -> Identifier:
    """Return an arrest summons number: YY, force, unit, system, 11-digit sequence, letter."""
    letter = check_letter(_summons_number(f"{year % 100:02}", force, system, f"{sequence:011}"))
    value = f"{year % 100:02}{force}{unit}{system}{sequence:011}{letter}"
    return Identifier(IdentifierKind.ARREST_SUMMONS_NUMBER, value)


def parse_identifier(kind: IdentifierKind, text: str) -> Identifier:
    """Return the stored form of a number, or InvalidInputError that names the rule.

    The number itself is never quoted: messages reach logs.
    """
    cleaned = re.sub(r"\s", "", text).upper()
    if len(cleaned) > 64 or not cleaned.isprintable() or not cleaned.isascii():
        raise InvalidInputError("An identifier has at most 64 plain characters.", field=_FIELD)
    match kind:
        case IdentifierKind.PNC_ID:
            return _pnc_id(cleaned)
        case IdentifierKind.CRO_NUMBER:
            return _cro_number(cleaned)
        case IdentifierKind.ARREST_SUMMONS_NUMBER:
            return _arrest_summons_number(cleaned)
    pattern, example = _PATTERNS[kind]
    if not re.fullmatch(pattern, cleaned):
        raise InvalidInputError(f"Write it as in {example}.", field=_FIELD)
    return Identifier(kind, cleaned)


def guess_identifiers(text: str) -> list[Identifier]:
    """Return every identifier that a typed text can be; none when it is none."""
    found = []
    for kind in IdentifierKind:
        if kind in _FORCE_OWN and not re.search(r"\d", text):
            continue
        try:
            found.append(parse_identifier(kind, text))
        except InvalidInputError:
            continue
    return found


_FIELD = "/identifier"
_FORCE_OWN = {IdentifierKind.CUSTODY_NUMBER, IdentifierKind.CRIME_NUMBER, IdentifierKind.URN}
_OWN_PATTERN = (
    r"[0-9]{2}[A-Z0-9]{0,4}/[A-Z0-9-]{1,30}/[A-Z0-9/-]{1,20}",
    "46/00123/26, force code in front",
)
_PATTERNS = {
    IdentifierKind.NATIONAL_INSURANCE_NUMBER: (
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]",
        "QQ123456C with a prefix in use",
    ),
    IdentifierKind.DRIVING_LICENCE_NUMBER: (
        r"[A-Z9]{5}[0-9][0156][0-9][0-3][0-9][0-9][A-Z9]{2}[A-Z0-9]{3}",
        "the 16 characters on the licence",
    ),
    IdentifierKind.PROBATION_CRN: (r"[A-Z][0-9]{6}", "X123456"),
    IdentifierKind.PRISON_NOMIS_NUMBER: (r"[A-Z][0-9]{4}[A-Z]{2}", "A1234BC"),
    IdentifierKind.CUSTODY_NUMBER: _OWN_PATTERN,
    IdentifierKind.CRIME_NUMBER: _OWN_PATTERN,
    IdentifierKind.URN: _OWN_PATTERN,
}


def _pnc_id(text: str) -> Identifier:
    match = re.fullmatch(r"(\d{4}|\d{2})/?(\d{1,7})([A-Z])", text)
    slash = re.fullmatch(r"(\d{4}|\d{2})/(\d{1,7})([A-Z])", text)
    for year_text, serial, letter in _pnc_readings(text, slash or match):
        year = _century(int(year_text)) if len(year_text) == 2 else int(year_text)
        made = make_pnc_id(year, int(serial))
        if made.value[-1] == letter:
            return made
    if match is None:
        raise InvalidInputError("Write a PNC ID as in 2003/0123456X.", field=_FIELD)
    raise InvalidInputError(
        "The PNC ID's check letter doesn't fit its digits; check each digit.", field=_FIELD
    )


def _pnc_readings(text: str, match: re.Match[str] | None) -> list[tuple[str, str, str]]:
    """Return the ways to split year and serial; without a slash both year lengths are possible."""
    if match is None:
        return []
    if "/" in text:
        return [(match[1], match[2], match[3])]
    digits, letter = text[:-1], text[-1]
    readings = []
    if len(digits) > 4 and digits[:2] in ("19", "20"):
        readings.append((digits[:4], digits[4:], letter))
    if 2 < len(digits) <= 9:
        readings.append((digits[:2], digits[2:], letter))
    return readings


def _cro_number(text: str) -> Identifier:
    if match := re.fullmatch(r"SF(\d{2})/?(\d{1,6})([A-Z])", text):
        year, serial, letter = match.groups()
        if check_letter(int(year + serial)) == letter or (
            check_letter(int(f"{year}{int(serial):06}")) == letter
        ):
            return Identifier(IdentifierKind.CRO_NUMBER, f"SF{year}/{int(serial)}{letter}")
    elif match := re.fullmatch(r"(\d{1,6})/(\d{2})([A-Z])", text) or re.fullmatch(
        r"(\d{1,6})(\d{2})([A-Z])", text
    ):
        serial, year, letter = match.groups()
        made = make_cro_number(int(year), int(serial))
        if made.value[-1] == letter:
            return made
    else:
        raise InvalidInputError("Write a CRO number as in 123456/03X or SF03/1234X.", field=_FIELD)
    raise InvalidInputError(
        "The CRO number's check letter doesn't fit its digits; check each digit.", field=_FIELD
    )


def _arrest_summons_number(text: str) -> Identifier:
    compact = text.replace("/", "")
    slashed = re.fullmatch(
        r"(\d{2}|\d{4})/([A-Z0-9]{2})([A-Z0-9]{2})?/([A-Z0-9]{2})/(\d{1,11})([A-Z])", text
    )
    if slashed and slashed[3]:
        year, force, unit, system, sequence, letter = slashed.groups()
    elif match := re.fullmatch(
        r"(\d{2})([A-Z0-9]{2})([A-Z0-9]{2})([A-Z0-9]{2})(\d{1,11})([A-Z])", compact
    ):
        year, force, unit, system, sequence, letter = match.groups()
    else:
        raise InvalidInputError(
            "Write an arrest summons number as in 0807NRPR00000038482H.", field=_FIELD
        )
    year, sequence = year[-2:], sequence.rjust(11, "0")
    if check_letter(_summons_number(year, force, system, sequence)) != letter:
        raise InvalidInputError(
            "The arrest summons number's check letter doesn't fit; check each character.",
            field=_FIELD,
        )
    value = f"{year}{force}{unit}{system}{sequence}{letter}"
    return Identifier(IdentifierKind.ARREST_SUMMONS_NUMBER, value)


def _summons_number(year: str, force: str, system: str, sequence: str) -> int:
    """Return the number behind the check letter: a force or system with letters is left out."""
    parts = [part for part in (force, system) if part.isdigit()]
    return int("".join([*parts, year, sequence]))


def _century(two_digits: int) -> int:
    """Return the year of two digits: above the current one it is 19xx."""
    current = datetime.now(UTC).year % 100
    return two_digits + (1900 if two_digits > current else 2000)
