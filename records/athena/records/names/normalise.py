"""From a name as written to the tokens it is found by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_LETTERS = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe",
        "ı": "i", "ħ": "h", "ŋ": "n", "ə": "e",
    }
)  # fmt: skip
"""Letters that Unicode doesn't decompose into a base letter and an accent."""

_APOSTROPHES = re.compile("['’‘‛`´ʼʻʽʹ′՚＇]")
_NOT_LETTERS = re.compile("[^a-z]+")

_PARTICLES = frozenset(
    {
        "al",
        "ap",
        "bin",
        "bint",
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "dos",
        "du",
        "el",
        "ibn",
        "la",
        "le",
        "mac",
        "mc",
        "o",
        "st",
        "ter",
        "van",
        "vander",
        "von",
        "y",
        "zu",
    }
)
"""Words that open a surname and are as often written together with the next."""

LONGEST_TOKEN = 64
REMEMBERED = 20_000
"""How many surnames and given names are remembered with their tokens: most come again and again."""

MOST_PAIRS = 12
"""The most (surname, given name) pairs under which one recorded name is found."""


def normalise(text: str) -> str:
    """Return a name in lower-case ASCII letters, its words separated by single spaces.

    Apostrophes vanish (O'Neill is oneill), accents come off, whatever else isn't a letter
    separates words. A name in another script than Latin comes to nothing.
    """
    decomposed = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text))
    lowered = _strip_marks(decomposed).casefold().translate(_LETTERS)
    return _NOT_LETTERS.sub(" ", _APOSTROPHES.sub("", lowered)).strip()


@lru_cache(REMEMBERED)
def surname_tokens(surname: str) -> tuple[str, ...]:
    """Return the tokens of a surname, the whole first: Smith-Jones is smithjones, smith, jones."""
    words = normalise(surname).split()
    parts = [word for word in words if word not in _PARTICLES]
    joined = "".join(words)
    tokens = [joined]
    if len(words) > 1:
        tokens += [token for token in _with_particles(words) if token != joined]
        tokens += [part for part in parts if len(part) > 1]
    return _distinct(tokens)


@lru_cache(REMEMBERED)
def given_tokens(given_names: str) -> tuple[str, ...]:
    """Return the tokens of given names in their order; Mary-Jane is mary, maryjane, jane."""
    tokens: list[str] = []
    for name in given_names.split():
        words = normalise(name).split()
        tokens += words[:1]
        if len(words) > 1:
            tokens += ["".join(words), *words[1:]]
    return _distinct(tokens)


def name_pairs(given_names: str, surname: str) -> list[tuple[str, str]]:
    """Return the (surname, given name) pairs a name is found by, the most telling first.

    A missing part is the empty token.
    """
    surnames = surname_tokens(surname) or ("",)
    given = given_tokens(given_names) or ("",)
    pairs = [(family, first) for first in given for family in surnames]
    pairs.sort(key=lambda pair: surnames.index(pair[0]) + given.index(pair[1]))
    return pairs[:MOST_PAIRS]


def _with_particles(words: list[str]) -> Iterator[str]:
    """Yield each part joined with the particles before it: van der Berg is vanderberg."""
    prefix = ""
    for word in words:
        if word in _PARTICLES:
            prefix += word
        else:
            yield prefix + word
            prefix = ""


def _strip_marks(text: str) -> str:
    return "".join(character for character in text if not unicodedata.combining(character))


def _distinct(tokens: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(token[:LONGEST_TOKEN] for token in tokens if token))
