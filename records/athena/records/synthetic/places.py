"""Places and numbers that can't be anybody's: invented towns, unallocated postcodes, drama numbers.

Postcodes are of the ZZ area, which Royal Mail never allocates, without ZZ99, which the health
service uses for people of no fixed address. Telephone numbers are of the ranges that Ofcom keeps
free for drama. Neither list is complete: variety is enough.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from athena.tenants.consortium import new_force

_BEGINNINGS = (
    "Brindle", "Cobble", "Dapple", "Ember", "Fable", "Gossamer", "Inkle", "Jasper", "Kettle",
    "Lantern", "Marrow", "Nettle", "Pebble", "Quill", "Russet", "Saddle", "Thimble", "Umber",
    "Vellum", "Willet", "Yarrow",
)  # fmt: skip
_ENDINGS = ("mere", "hithe", "march", "holt", "garth", "reach", "fold", "wick")
_STREETS = (
    "Alder", "Barley", "Clover", "Damson", "Elder", "Foxglove", "Gorse", "Hazel", "Ivy", "Juniper",
    "Kestrel", "Linnet", "Mallow", "Nightjar", "Osier", "Plover", "Quince", "Rowan", "Sorrel",
    "Teasel", "Undern", "Vetch", "Wren", "Yellowhammer",
)  # fmt: skip
_STREET_KINDS = ("Street", "Road", "Lane", "Avenue", "Close", "Way", "Gardens", "Row")
_INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
_DISTRICTS = 98
"""ZZ1 to ZZ98."""

_MOBILE = ("07700 900", 1_000)
_FIXED = (
    ("01632 960", 1_000),
    ("020 7946 0", 1_000),
    ("0121 496 0", 1_000),
    ("029 2018 0", 1_000),
    ("03069 990", 1_000),
)
"""How a range begins, and how many numbers it has."""


@dataclass(frozen=True, slots=True)
class Town:
    """An invented town, the postcode district it lies in, and the force's area around it."""

    name: str
    area: str
    district: str


@dataclass(frozen=True, slots=True)
class Home:
    """A made-up address."""

    premises: str
    street: str
    town: Town
    postcode: str


@cache
def towns_of(force: str) -> Sequence[Town]:
    """Return the twelve towns of a force's area, always the same."""
    # Seeded by text, which Python hashes alike in every process, unlike hash().
    draw = random.Random(f"towns of {force}")  # noqa: S311 - made-up places, not secrets
    area = f"{new_force(force, 0).name} (synthetic)"
    names = draw.sample([begin + end for begin in _BEGINNINGS for end in _ENDINGS], 12)
    districts = draw.sample(range(1, _DISTRICTS + 1), len(names))
    return [
        Town(name, area, f"ZZ{district}") for name, district in zip(names, districts, strict=True)
    ]


@cache
def force_code(force: str) -> str:
    """Return the Home Office code of one of the nine forces."""
    return new_force(force, 0).home_office_code


def make_home(draw: random.Random, force: str) -> Home:
    """Draw an address in a force's area."""
    town = draw.choice(towns_of(force))
    premises = str(draw.randint(1, 180))
    if draw.random() < 0.15:
        premises = f"Flat {draw.randint(1, 24)}, {premises}"
    inward = f"{draw.randint(0, 9)}{draw.choice(_INWARD_LETTERS)}{draw.choice(_INWARD_LETTERS)}"
    return Home(
        premises,
        f"{draw.choice(_STREETS)} {draw.choice(_STREET_KINDS)}",
        town,
        f"{town.district} {inward}",
    )


def make_telephone(draw: random.Random) -> str:
    """Draw a telephone number of the drama ranges, four in five of them mobile."""
    begin, size = _MOBILE if draw.random() < 0.8 else draw.choice(_FIXED)
    return f"{begin}{draw.randrange(size):03}"
