"""Half-remembered names find the right person, through the API, among made-up nominals."""

from __future__ import annotations

from collections import Counter

from athena.platform.kernel.identity import NominalId
from athena.records.synthetic.people import generate
from athena.records.synthetic.service import load
from athena.tenants.consortium import FORCE_SLUGS
from support.api import Platform
from support.misspelling import KINDS, Person, generate_cases

NOMINALS = 10_000
CASES = 500
SEED = 20_261_124
"""Not a seed that anything was tuned on."""


async def test_the_right_person_is_in_the_first_twenty(platform: Platform) -> None:
    runtime = platform.runtime
    stored: dict[tuple[str, str], NominalId] = {}
    everyone = list(generate(NOMINALS, SEED, FORCE_SLUGS))
    await load(
        runtime.database,
        runtime.gate,
        everyone,
        "recall",
        seen=lambda force, source_id, key: stored.__setitem__((force, source_id), key),
    )
    await runtime.searcher.names.refresh()
    numbers: Counter[str] = Counter()
    people = []
    for item in everyone:
        numbers[item.force] += 1
        born = item.draft.date_of_birth
        restricted = item.draft.restricted
        if item.force == "kent" and born is not None and born.day is not None and not restricted:
            key = stored[item.force, f"{numbers[item.force]}/{item.person}"]
            name = item.draft.names[0]
            people.append(Person(str(key), name.given_names, name.surname, born.earliest))
    missed: Counter[str] = Counter()
    for case in generate_cases(people, SEED, CASES):
        answer = await platform.search("officer.kent", **case.fields())
        assert answer.status_code == 200, answer.text
        if case.key not in [hit["id"] for hit in answer.json()["results"]]:
            missed[case.kind] += 1
    assert set(missed) <= set(KINDS)
    assert missed.total() <= CASES * 0.05, f"missed {missed.total()} of {CASES}: {dict(missed)}"
