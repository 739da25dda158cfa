"""Training: Splink 4 on DuckDB estimates the weights, offline; production never imports it.

The estimation is unsupervised: nobody tells it which records belong together. Blocking rules pair
records; random pairs give u, expectation maximisation over rules that hold different fields fixed
gives m.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import ConfigurationError
from athena.sharing.linking.comparisons import COMPARISONS
from athena.sharing.linking.levels import Comparison
from athena.sharing.linking.persons import REGISTERS, Name, Person, Place
from athena.sharing.linking.weights import FieldWeights, LevelWeight, Provenance, Weights

Record = dict[str, str | None]

LEAST = 1e-4
"""No level counts as impossible, however seldom training met it: people make every slip."""

MOST_FREQUENCIES = 2_000
"""How many of a field's commonest values the artefact lists; rarer ones count as the rarest.

A value met once isn't listed either: the list holds nobody's own name.
"""

NAME_COLUMNS = ("given", "middle", "surname", "forms")
PLACE_COLUMNS = ("premises", "street", "further", "town", "area", "postcode")
COLUMNS = (
    *NAME_COLUMNS,
    "born",
    "sex",
    *PLACE_COLUMNS,
    "telephone",
    *(kind.value for kind in REGISTERS),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: the fields, how pairs are found, and which rules estimate m."""

    fields: tuple[str, ...]
    blocking: tuple[str, ...]
    """SQL conditions over ``l`` and ``r``; a pair is a candidate if any holds."""
    certain: tuple[str, ...]
    """Conditions that hardly ever hold between two persons: they estimate the prior."""
    rounds: tuple[str, ...]
    """Conditions under which expectation maximisation runs, one after the other."""
    recall: float = 0.7
    """About how many of the true pairs meet one of ``certain``."""
    random_pairs: float = 1e6


def flat(person: Person) -> Record:
    """Return a person's first name, address and numbers as a row of a table."""
    name = person.names[0] if person.names else Name()
    place = person.places[0] if person.places else Place()
    row: Record = {column: getattr(name, column) or None for column in NAME_COLUMNS}
    row |= {column: getattr(place, column) or None for column in PLACE_COLUMNS}
    row |= {"born": person.born or None, "sex": person.sex or None}
    row["telephone"] = person.telephones[0] if person.telephones else None
    return row | {kind.value: person.numbers.get(kind.value) for kind in REGISTERS}


class Trainer:
    """Splink's linker over one or two sets of records."""

    def __init__(self, plan: Plan, sets: Sequence[Iterable[tuple[str, Person]]], seed: int) -> None:
        """Load the records; ConfigurationError where Splink isn't installed."""
        try:
            import pandas as pd
            from splink import DuckDBAPI, Linker
        except ImportError:
            raise ConfigurationError(
                "Training needs Splink: install the dependency group 'linking'."
            ) from None
        logging.getLogger("splink").setLevel(logging.ERROR)
        self.plan = plan
        self.seed = seed
        tables = [
            pd.DataFrame([{"unique_id": key, **flat(person)} for key, person in records]).astype(
                dict.fromkeys(COLUMNS, object)
            )
            for records in sets
        ]
        self.records = sum(len(table) for table in tables)
        self.api = DuckDBAPI()
        self.api._con.execute("SET threads TO 1")  # so that the same seed gives the same weights
        self.linker: Any = Linker(
            tables if len(tables) > 1 else tables[0], self._settings(len(tables)), db_api=self.api
        )

    def train(self, name: str, number: int, data: str) -> Weights:
        """Estimate the weights and return them frozen."""
        training = self.linker.training
        training.estimate_probability_two_random_records_match(
            list(self.plan.certain), recall=self.plan.recall
        )
        training.estimate_u_using_random_sampling(max_pairs=self.plan.random_pairs, seed=self.seed)
        for rule in self.plan.rounds:
            training.estimate_parameters_using_expectation_maximisation(
                rule, fix_u_probabilities=True, estimate_without_term_frequencies=True
            )
        return self._frozen(name, number, data)

    def predictions(self, at_least: float) -> Iterator[tuple[str, str, float]]:
        """Yield Splink's own pairs with their match weights in bits."""
        frame = self.linker.inference.predict(threshold_match_weight=at_least)
        for row in frame.as_pandas_dataframe().itertuples():
            yield row.unique_id_l, row.unique_id_r, float(row.match_weight)

    def _settings(self, sets: int) -> Any:
        from splink import SettingsCreator

        blocking: list[Any] = list(self.plan.blocking)
        return SettingsCreator(
            link_type="link_only" if sets > 1 else "dedupe_only",
            comparisons=[_as_splink(COMPARISONS[field]) for field in self.plan.fields],
            blocking_rules_to_generate_predictions=blocking,
            max_iterations=50,
            em_convergence=1e-5,
            additional_columns_to_retain=[],
        )

    def _frozen(self, name: str, number: int, data: str) -> Weights:
        model = self.linker.misc.save_model_to_json()
        fields = {}
        for item in model["comparisons"]:
            comparison = COMPARISONS[item["output_column_name"]]
            levels = [
                level for level in item["comparison_levels"] if not level.get("is_null_level")
            ]
            fields[comparison.field] = FieldWeights(
                levels={
                    level.key: _weight(found)
                    for level, found in zip(comparison.levels, levels, strict=True)
                },
                **self._frequencies(comparison),
            )
        return Weights(
            name=name,
            version=number,
            prior=model["probability_two_random_records_match"],
            fields=fields,
            provenance=Provenance(
                data=data,
                records=self.records,
                seed=self.seed,
                made_on=today().isoformat(),
                versions={name: version(name) for name in ("splink", "duckdb", "athena-platform")},
            ),
        )

    def _frequencies(self, comparison: Comparison) -> dict[str, Any]:
        if not comparison.frequency:
            return {}
        column = comparison.frequency
        frame = self.linker.table_management.compute_tf_table(column).as_pandas_dataframe()
        found = sorted(
            zip(frame[column], frame[f"tf_{column}"], strict=True),
            key=lambda pair: (-pair[1], pair[0]),
        )
        if not found:
            return {}
        rarest = float(found[-1][1])
        listed = {
            value: round(min(float(share), 0.999), 7)
            for value, share in found[:MOST_FREQUENCIES]
            if float(share) > 1.5 * rarest
        }
        return {"frequencies": listed, "rarest": rarest}


def _as_splink(comparison: Comparison) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": comparison.absent,
            "label_for_charts": "absent",
            "is_null_level": True,
        }
    ]
    for place, level in enumerate(comparison.levels):
        entry: dict[str, Any] = {"sql_condition": level.sql, "label_for_charts": level.key}
        if comparison.frequency and place == 0:
            entry |= {"tf_adjustment_column": comparison.frequency, "tf_adjustment_weight": 1.0}
        levels.append(entry)
    return {"output_column_name": comparison.field, "comparison_levels": levels}


def _weight(found: dict[str, Any]) -> LevelWeight:
    """Return a level's weight; a level that training never met weighs nothing."""
    m, u = found.get("m_probability"), found.get("u_probability")
    if not isinstance(m, float) or not isinstance(u, float):
        return LevelWeight(m=LEAST, u=LEAST)
    return LevelWeight(m=_bounded(m), u=min(max(u, 1e-7), 1 - LEAST))


def _bounded(probability: float) -> float:
    return min(max(probability, LEAST), 1 - LEAST)
