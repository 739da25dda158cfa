"""Name lists of many populations (Faker's, and short ones of our own), with Zipf-like weights."""

from __future__ import annotations

import random
import unicodedata
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import accumulate

_LOCALES = {
    "en_GB": 62.0,
    "en_IE": 6.0,
    "pl_PL": 6.0,
    "en_IN": 6.0,
    "ro_RO": 4.0,
    "lt_LT": 2.5,
    "pt_PT": 2.0,
    "tr_TR": 2.0,
    "it_IT": 1.5,
    "es_ES": 1.0,
    "fr_FR": 1.0,
    "nl_NL": 0.5,
    "cs_CZ": 0.5,
}
"""Share of each population in per cent; what is missing to 100 is `_OWN`'s."""

_OWN = {
    "arabic": (
        3.5,
        "Mohammed Muhammad Ahmed Ali Hassan Hussein Omar Yusuf Ibrahim Khalid Bilal Tariq Imran "
        "Hamza Abdullah Mustafa Rashid Samir Karim Faisal",
        "Fatima Aisha Maryam Zainab Khadija Amina Layla Noor Sana Hafsa Yasmin Salma Rania Huda "
        "Samira Nadia",
        "Khan Hussain Ahmed Ali Malik Rahman Begum Al-Hassan El-Sayed Mahmood Iqbal Shah Aziz "
        "Akhtar Qureshi Siddiqui Chaudhry Mirza Abdi Warsame",
    ),
    "chinese": (
        1.0,
        "Wei Jun Ming Hao Jian Lei Chen Yang Bo Peng",
        "Mei Ling Xiu Fang Yan Li Na Jing Hui Xin",
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Lin Cheung Wong",
    ),
    "nigerian": (
        1.0,
        "Oluwaseun Babatunde Chinedu Emeka Adebayo Ifeanyi Kelechi Tunde Segun Obinna",
        "Ngozi Chioma Folake Yetunde Adaeze Bukola Ifeoma Titilayo Amara Funmilayo",
        "Okafor Adeyemi Okonkwo Balogun Eze Nwosu Ogunleye Adebayo Obi Chukwu Afolabi Bello",
    ),
}

_EMPHASIS = {
    "bedfordshire": {"en_IN": 2.0, "arabic": 2.2},
    "cambridgeshire": {"pl_PL": 2.0, "lt_LT": 2.5, "pt_PT": 2.0},
    "norfolk": {"lt_LT": 2.0, "pt_PT": 3.0},
    "kent": {"ro_RO": 2.0, "cs_CZ": 3.0},
    "essex": {"tr_TR": 2.0, "nigerian": 2.0},
    "west-mercia": {"pl_PL": 1.5},
    "hertfordshire": {"it_IT": 2.5, "en_IE": 1.5},
}
"""How much commoner a population is in a force's area: made up, for variety only."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Names with cumulative weights, the first the commonest."""

    names: Sequence[str]
    cumulative: Sequence[float]

    @classmethod
    def zipf(cls, names: Sequence[str]) -> Weighted:
        """Weigh names by one over the 0.8th power of their place."""
        return cls(names, list(accumulate(1.0 / (place + 3) ** 0.8 for place in range(len(names)))))

    def pick(self, draw: random.Random) -> str:
        """Draw a name."""
        return self.names[bisect(self.cumulative, draw.random() * self.cumulative[-1])]


@dataclass(frozen=True, slots=True)
class Population:
    """The names of one population."""

    male: Weighted
    female: Weighted
    surnames: Weighted


@dataclass(frozen=True, slots=True)
class Mix:
    """Populations with their shares in one force's area."""

    populations: Sequence[Population]
    cumulative: Sequence[float]

    def pick(self, draw: random.Random) -> Population:
        """Draw a population."""
        place = bisect(self.cumulative, draw.random() * self.cumulative[-1])
        return self.populations[place]


@cache
def populations() -> dict[str, Population]:
    """Return every population by name."""
    found = {locale: _from_faker(locale) for locale in _LOCALES}
    for name, (_, male, female, surnames) in _OWN.items():
        found[name] = Population(
            Weighted.zipf(male.split()),
            Weighted.zipf(female.split()),
            Weighted.zipf(surnames.split()),
        )
    return found


@cache
def mix_of(force: str) -> Mix:
    """Return the mix of populations of a force's area."""
    shares = {**_LOCALES, **{name: share for name, (share, *_) in _OWN.items()}}
    emphasis = _EMPHASIS.get(force, {})
    weights = [share * emphasis.get(name, 1.0) for name, share in shares.items()]
    return Mix([populations()[name] for name in shares], list(accumulate(weights)))


def _from_faker(locale: str) -> Population:
    provider = import_module(f"faker.providers.person.{locale}").Provider
    male = _names(provider, "first_names_male", "first_names")
    female = _names(provider, "first_names_female", "first_names")
    return Population(
        Weighted.zipf(male),
        Weighted.zipf(female),
        Weighted.zipf(_names(provider, "unisex_last_names", "last_names")),
    )


def _names(provider: type, *attributes: str) -> list[str]:
    for attribute in attributes:
        listed: Mapping[str, float] | Iterable[str] = getattr(provider, attribute, ())
        weights = listed if isinstance(listed, Mapping) else dict.fromkeys(listed, 1.0)
        commonest_first = sorted(weights, key=lambda name: -weights[name])
        usable = [name for name in commonest_first if _is_latin(name)]
        if usable:
            return usable
    raise LookupError(f"{provider} has none of {attributes}")


def _is_latin(name: str) -> bool:
    letters = [character for character in name if character.isalpha()]
    return bool(letters) and all("LATIN" in unicodedata.name(letter, "") for letter in letters)
