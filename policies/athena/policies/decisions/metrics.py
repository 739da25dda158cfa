"""What operators see of decisions: how many, how fast, and the alarm when there is none."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from athena.platform.kernel.metrics import REGISTRY

ALARMS = Counter(
    "athena_decision_alarms",
    "Questions that got no valid decision, so that nothing was shown; anything above 0 is a fault.",
    ["engine", "fault"],
    registry=REGISTRY,
)
DECISIONS = Counter(
    "athena_decisions",
    "Decisions given, by where they came from: asked of the engine, or remembered.",
    ["engine", "source"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "athena_decision_seconds",
    "How long the engine took, whether or not it gave a decision; remembered ones aren't in it.",
    ["engine"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    registry=REGISTRY,
)
