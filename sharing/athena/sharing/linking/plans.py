"""What is trained, and on which records: made-up nominals, or two sets of a public data set."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from athena.records.nominals.schemas import NominalDraft
from athena.records.synthetic.people import generate
from athena.sharing.linking.persons import (
    REGISTERS,
    Person,
    born_digits,
    make_name,
    make_place,
)
from athena.sharing.linking.training import Plan

NOMINALS = Plan(
    fields=(
        "given",
        "middle",
        "surname",
        "born",
        "sex",
        "premises",
        "street",
        "town",
        "postcode",
        "telephone",
        "number",
    ),
    blocking=(
        "l.surname = r.surname AND l.given = r.given",
        "l.born = r.born AND l.surname = r.surname",
        "l.born = r.born AND l.given = r.given",
        "l.telephone = r.telephone",
        *(f"l.{kind.value} = r.{kind.value}" for kind in REGISTERS),
        "l.postcode = r.postcode AND l.given = r.given",
    ),
    certain=(
        "l.surname = r.surname AND l.given = r.given AND l.born = r.born",
        *(f"l.{kind.value} = r.{kind.value}" for kind in REGISTERS),
    ),
    rounds=(
        "l.born = r.born AND l.given = r.given",
        "l.surname = r.surname AND l.given = r.given",
        "l.pnc_id = r.pnc_id",
    ),
    recall=0.75,
)
"""How the weights of nominals are trained."""


def person_of(draft: NominalDraft) -> Person:
    """Return what is compared of a nominal that isn't stored yet."""
    return Person(
        names=tuple(make_name(name.given_names, name.surname) for name in draft.names),
        born=born_digits(draft.date_of_birth),
        sex=draft.sex or "",
        places=tuple(
            make_place(
                premises=place.premises,
                street=place.street,
                town=place.town,
                postcode=place.postcode or "",
            )
            for place in dict.fromkeys(address.location for address in draft.addresses)
        ),
        telephones=tuple(item.value for item in draft.contacts if item.kind == "telephone"),
        numbers={
            item.kind.value: item.value for item in draft.identifiers if item.kind in REGISTERS
        },
    )


def made_up(records: int, seed: int, forces: Sequence[str]) -> Iterator[tuple[str, Person]]:
    """Yield made-up nominals with an id each; about one in eight is somebody met before.

    The generator leaves people where they live and gives each record telephones of its own; real
    people move and keep their numbers. So a second record here differs as `_later` says.
    """
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    met: dict[int, Person] = {}
    last: Person | None = None
    for place, nominal in enumerate(generate(records, seed, forces)):
        person = person_of(nominal.draft)
        before = met.get(nominal.person)
        if before is not None and last is not None:
            person = _later(draw, person, before, last)
        met[nominal.person] = last = person
        yield f"{place:08}", person


def _later(draw: random.Random, person: Person, before: Person, neighbour: Person) -> Person:
    """Return somebody as a second force met them later; the shares are made up, and say so."""
    places, telephones = person.places, before.telephones
    if draw.random() < 0.35:
        places = neighbour.places  # moved to where somebody else lives
    elif draw.random() < 0.1:
        places = tuple(replace(place, premises=f"{place.premises}a") for place in places)
    if draw.random() < 0.4:
        telephones = person.telephones
    names = person.names
    first = names[0]
    chance = draw.random()
    if chance < 0.01:
        names = (replace(first, given=first.surname, surname=first.given, forms=""), *names[1:])
    elif chance < 0.06 and first.forms:
        form = draw.choice(first.forms.strip("|").split("|"))
        names = (make_name(f"{form} {first.middle}", first.surname), *names[1:])
    elif chance < 0.08 and first.middle:
        names = (make_name(first.middle, first.surname), *names[1:])
    elif chance < 0.10:
        names = (replace(first, surname=neighbour.names[0].surname), *names[1:])  # married
    return replace(person, names=names, places=places, telephones=telephones)


PUBLIC = Plan(
    fields=(
        "given",
        "surname",
        "born",
        "premises",
        "street",
        "further",
        "town",
        "area",
        "postcode",
    ),
    blocking=(
        "l.born = r.born",
        "l.given = r.given AND l.surname = r.surname",
        "l.given = r.surname AND l.surname = r.given",
        "l.surname = r.surname AND l.postcode = r.postcode",
        "l.given = r.given AND l.postcode = r.postcode",
        "l.given = r.surname AND l.postcode = r.postcode",
        "l.surname = r.given AND l.postcode = r.postcode",
        "l.given = r.given AND l.town = r.town",
        "l.surname = r.surname AND l.town = r.town",
        "l.town = r.town AND l.premises = r.premises",
        "l.postcode = r.postcode AND l.premises = r.premises",
        "l.postcode = r.postcode AND l.town = r.town",
        "l.street = r.street",
        "l.further = r.further",
    ),
    certain=(
        "l.born = r.born AND l.given = r.given",
        "l.surname = r.surname AND l.given = r.given AND l.postcode = r.postcode",
    ),
    rounds=(
        "l.born = r.born",
        "l.given = r.given AND l.surname = r.surname",
        "l.postcode = r.postcode AND l.street = r.street",
    ),
    recall=0.8,
)
"""For public data sets of names and addresses without telephones or register numbers."""
