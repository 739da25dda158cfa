"""Cases of half-remembered people: how an officer might type somebody who is on record.

Nothing here comes from Athena's search, so that a test of it doesn't mark its own work: short
forms are other people's data (the PyPI package ``nicknames``), and slips come from the keyboard's
geometry, the shapes of letters and the sounds of English, written down for this file alone.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from nicknames import NickNamer

KINDS = ("misspelt", "swapped", "nicknamed", "hyphenated", "accented", "apostrophe")

FEW_NAMESAKES = 3
"""A name alone is a fair question only where this many people at most carry it."""

_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
_REACH = 1.3
"""How far a finger strays, in key widths."""

_SHAPES = (
    ("rn", "m"), ("m", "rn"), ("cl", "d"), ("d", "cl"), ("vv", "w"), ("w", "vv"), ("li", "h"),
    ("nn", "m"), ("i", "l"), ("l", "i"), ("i", "j"), ("u", "v"), ("v", "u"), ("e", "c"),
    ("c", "e"), ("h", "b"), ("b", "h"), ("f", "t"), ("t", "f"), ("g", "q"), ("n", "h"), ("o", "a"),
    ("a", "o"), ("y", "v"), ("n", "r"), ("k", "h"),
)  # fmt: skip
"""Letters that a bad scan or a hurried hand makes look like others."""

_SOUNDS = (
    ("ph", "f"), ("f", "ph"), ("ck", "k"), ("k", "ck"), ("c", "k"), ("k", "c"), ("ch", "tch"),
    ("ee", "ea"), ("ea", "ee"), ("ie", "y"), ("y", "ie"), ("y", "i"), ("i", "y"), ("ei", "ie"),
    ("ou", "oo"), ("ow", "ou"), ("au", "aw"), ("er", "a"), ("er", "or"), ("a", "er"), ("ai", "ay"),
    ("gh", ""), ("h", ""), ("wh", "w"), ("kn", "n"), ("th", "t"), ("th", "f"), ("s", "z"),
    ("z", "s"), ("sh", "ch"), ("sz", "sh"), ("cz", "ch"), ("w", "v"), ("v", "w"), ("j", "y"),
    ("j", "g"), ("g", "j"), ("kh", "k"), ("dh", "d"), ("bh", "b"), ("ks", "x"), ("x", "ks"),
    ("ll", "l"), ("l", "ll"), ("nn", "n"), ("tt", "t"), ("t", "tt"), ("ss", "s"), ("b", "p"),
    ("d", "t"), ("m", "n"), ("mac", "mc"), ("mc", "mac"), ("son", "sen"), ("ou", "u"),
    ("oo", "u"), ("aa", "a"), ("qu", "kw"),
)  # fmt: skip
"""Spellings that a name heard over the radio is taken down as."""

_PLAIN = {"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "þ": "th", "ı": "i"}
_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on record; the key is whatever the test knows them by."""

    key: Hashable
    given_names: str
    surname: str
    born: date


@dataclass(frozen=True, slots=True)
class Case:
    """What is typed, in the fields of the search, and who is meant."""

    key: Hashable
    kind: str
    name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    date_of_birth: str | None = None
    year_of_birth: int | None = None

    def fields(self) -> dict[str, str | int]:
        """Return the typed fields alone, as the search's JSON takes them."""
        typed = {
            "name": self.name,
            "given_name": self.given_name,
            "surname": self.surname,
            "date_of_birth": self.date_of_birth,
            "year_of_birth": self.year_of_birth,
        }
        return {field: value for field, value in typed.items() if value is not None}


def generate_cases(people: Sequence[Person], seed: int, count: int) -> list[Case]:
    """Return cases about some of the people, the six kinds in turn; the same for a seed.

    Half give a full date of birth (one in eight of them wrong by a slip), a third the year, and
    the rest the name alone, if so few bear it that it is enough to go by. Every third is typed
    as one line.
    """
    generator = _Generator(people, random.Random(seed))
    return [generator.case(KINDS[number % len(KINDS)]) for number in range(count)]


class _Generator:
    """Draws people whose names allow a kind of slip, and makes the slip."""

    def __init__(self, people: Sequence[Person], draw: random.Random) -> None:
        self._draw = draw
        self._namesakes = Counter(_full_name(person) for person in people)
        fits: dict[str, Callable[[Person], bool]] = {
            "misspelt": lambda person: len(_letters(person.surname)) > 3,
            "swapped": lambda person: bool(_letters(person.given_names)),
            "nicknamed": lambda person: bool(_other_forms(_first(person).casefold())),
            "hyphenated": lambda person: "-" in person.surname or "-" in person.given_names,
            "accented": lambda person: not _letters(_full_name(person)).isascii(),
            "apostrophe": lambda person: "'" in person.surname or "’" in person.surname,
        }
        self._fitting = {
            kind: [person for person in people if fit(person)] for kind, fit in fits.items()
        }

    def case(self, kind: str) -> Case:
        person = self._draw.choice(self._fitting[kind])
        given, surname = getattr(self, f"_{kind}")(person)
        typed = replace(self._when(person), kind=kind)
        if self._draw.random() < 1 / 3:
            return replace(typed, name=self._line(given, surname))
        return replace(typed, given_name=given, surname=surname)

    def _when(self, person: Person) -> Case:
        alone = self._namesakes[_full_name(person)] <= FEW_NAMESAKES
        share = self._draw.random()
        if share < 1 / 6 and alone:
            return Case(person.key, "")
        if share < 1 / 2:
            return Case(person.key, "", year_of_birth=person.born.year)
        born = _wrong_date(person.born, self._draw) if share > 15 / 16 else person.born
        shown = born.isoformat() if share < 3 / 4 else born.strftime("%d/%m/%Y")
        return Case(person.key, "", date_of_birth=shown)

    def _line(self, given: str, surname: str) -> str:
        shape = self._draw.random()
        if shape < 0.6:
            return f"{given} {surname}"
        return f"{surname}, {given}" if shape < 0.8 else f"{surname} {given}".lower()

    def _misspelt(self, person: Person) -> tuple[str, str]:
        given, surname = _first(person), person.surname
        which = self._draw.random()
        if which < 0.7:
            surname = self._misspell(surname)
        if which > 0.5:
            given = self._misspell(given)
        return given, surname

    def _swapped(self, person: Person) -> tuple[str, str]:
        surname = person.surname
        if self._draw.random() < 0.3:
            surname = self._misspell(surname)
        return surname, _first(person)

    def _nicknamed(self, person: Person) -> tuple[str, str]:
        surname = person.surname
        if self._draw.random() < 0.3:
            surname = self._misspell(surname)
        return self._draw.choice(_other_forms(_first(person).casefold())).title(), surname

    def _hyphenated(self, person: Person) -> tuple[str, str]:
        return self._unhyphenated(_first(person)), self._unhyphenated(person.surname)

    def _unhyphenated(self, name: str) -> str:
        if "-" not in name:
            return name
        shape = self._draw.randrange(4)
        if shape < 2:
            return name.replace("-", " " if shape else "")
        parts = name.split("-")
        return self._draw.choice(parts) if shape == 2 else "-".join(reversed(parts))

    def _accented(self, person: Person) -> tuple[str, str]:
        given, surname = _plain(_first(person)), _plain(person.surname)
        if self._draw.random() < 0.3:
            surname = self._misspell(surname)
        return given, surname

    def _apostrophe(self, person: Person) -> tuple[str, str]:
        given, surname = _first(person), person.surname.replace("’", "'")
        shape = self._draw.randrange(5)
        if shape < 4:
            return given, surname.replace("'", ("", " ", "`", "’")[shape])
        return given, self._misspell(surname.replace("'", ""))

    def _misspell(self, name: str) -> str:
        """Return a name with one slip, or sometimes two in a long one; never the same name."""
        wanted = 2 if len(name) > 6 and self._draw.random() < 0.2 else 1
        text = name.lower()
        for _ in range(wanted):
            text = next(slip for slip in self._slips(text) if slip not in (text, name.lower()))
        return text.title()

    def _slips(self, text: str) -> Iterator[str]:
        while True:
            yield self._draw.choice((_mistyped, _miscopied, _misread, _misheard))(text, self._draw)


def _mistyped(text: str, draw: random.Random) -> str:
    """Hit the key beside the one meant, instead of it or with it."""
    place = draw.randrange(len(text))
    beside = _neighbours().get(text[place])
    if not beside:
        return text
    kept = text[place] if draw.random() < 0.3 else ""
    return text[:place] + kept + draw.choice(beside) + text[place + 1 :]


def _miscopied(text: str, draw: random.Random) -> str:
    """Drop, double or transpose a letter."""
    place = draw.randrange(len(text))
    shape = draw.randrange(3)
    if shape == 0 and len(text) > 3:
        return text[:place] + text[place + 1 :]
    if shape == 1:
        return text[:place] + text[place] + text[place:]
    return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]


def _misread(text: str, draw: random.Random) -> str:
    """Take a letter for another that looks like it."""
    return _exchange(text, [(old, new) for old, new in _SHAPES if old in text], draw)


def _misheard(text: str, draw: random.Random) -> str:
    """Write down what the name sounds like, or a vowel nobody hears as another."""
    unheard = [place for place in range(1, len(text)) if text[place] in _VOWELS]
    if unheard and draw.random() < 0.4:
        place = draw.choice(unheard)
        return text[:place] + draw.choice(_VOWELS) + text[place + 1 :]
    return _exchange(text, [(old, new) for old, new in _SOUNDS if old in text], draw)


def _exchange(text: str, pairs: Sequence[tuple[str, str]], draw: random.Random) -> str:
    if not pairs:
        return text
    old, new = draw.choice(pairs)
    places = [place for place in range(len(text)) if text.startswith(old, place)]
    place = draw.choice(places)
    changed = text[:place] + new + text[place + len(old) :]
    return changed if len(changed) > 2 else text


@cache
def _neighbours() -> dict[str, list[str]]:
    """Return the keys within reach of each on a British keyboard."""
    at = {
        letter: (column + offset, float(row))
        for row, (letters, offset) in enumerate(_ROWS)
        for column, letter in enumerate(letters)
    }
    return {
        letter: [
            other
            for other, (ox, oy) in at.items()
            if other != letter and (x - ox) ** 2 + (y - oy) ** 2 < _REACH**2
        ]
        for letter, (x, y) in at.items()
    }


@cache
def _names() -> NickNamer:
    return NickNamer()


@cache
def _other_forms(name: str) -> tuple[str, ...]:
    """Return the short forms of a full name and the full names of a short form."""
    forms = _names().nicknames_of(name) | _names().canonicals_of(name)
    return tuple(sorted(form for form in forms if form.isalpha() and form.isascii()))


def _wrong_date(born: date, draw: random.Random) -> date:
    """Return a date with its day and month swapped, or a day or ten years off."""
    if born.day <= 12 and born.day != born.month:
        return born.replace(day=born.month, month=born.day)
    if draw.random() < 0.5:
        return born + timedelta(days=draw.choice((-1, 1)))
    return born.replace(year=born.year - 10, day=min(born.day, 28))


def _plain(name: str) -> str:
    spelt = "".join(_PLAIN.get(letter, letter) for letter in name.lower())
    marked = unicodedata.normalize("NFKD", spelt)
    bare = "".join(letter for letter in marked if not unicodedata.combining(letter))
    return bare.replace("’", "'").title()


def _first(person: Person) -> str:
    return person.given_names.split()[0]


def _full_name(person: Person) -> str:
    return f"{_first(person)} {person.surname}".casefold()


def _letters(name: str) -> str:
    return "".join(letter for letter in name if letter.isalpha())
