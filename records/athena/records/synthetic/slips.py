"""How a second force writes down somebody whom a first one knows: nearly, not quite, alike.

The slips are made up here and shared with nothing: no search was tuned on them.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import replace
from datetime import date

from athena.records.synthetic.identities import Identity

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_again(draw: random.Random, person: Identity) -> Identity:
    """Return a person as somebody else would take them down, often with a slip or two."""
    given_names, surname, born = person.given_names, person.surname, person.born
    if person.maiden_name and draw.random() < 0.1:
        surname = person.maiden_name
    if draw.random() < 0.5:
        given_names, surname = without_accents(given_names), without_accents(surname)
    if " " in given_names and draw.random() < 0.3:
        given_names = given_names.partition(" ")[0]
    if draw.random() < 0.35:
        surname = slip(draw, surname)
    if draw.random() < 0.2:
        given_names = slip(draw, given_names)
    if draw.random() < 0.1:
        born = _other_day(draw, born)
    return replace(person, given_names=given_names, surname=surname, born=born)


def without_accents(name: str) -> str:
    """Return a name with its accents left off, as on a keyboard that has none."""
    letters = unicodedata.normalize("NFD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def slip(draw: random.Random, name: str) -> str:
    """Return a name with one letter inside it dropped, doubled, swapped with the next or replaced.

    Names under four letters stay as they are.
    """
    if len(name) < 4:
        return name
    place = draw.randrange(1, len(name) - 1)
    before, letter, after = name[:place], name[place], name[place + 1 :]
    match draw.randrange(4):
        case 0:
            return before + after
        case 1:
            return before + letter + letter + after
        case 2:
            return before + after[0] + letter + after[1:]
        case _:
            return before + draw.choice(_LETTERS) + after


def _other_day(draw: random.Random, born: date) -> date:
    """Return a date with day and month swapped where that can be, else of the year before."""
    if born.day <= 12 and draw.random() < 0.7:
        return date(born.year, born.day, born.month)
    return date(born.year - 1, born.month, min(born.day, 28))
