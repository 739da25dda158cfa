"""Has the loops of a search compiled before somebody waits for them.

``python -m athena.sharing.search.warming`` does so at installing; a server does so as it starts,
where it takes half a second, or some ten if nothing was compiled yet.
"""

from __future__ import annotations

import gc
from uuid import uuid4

import numpy as np

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.records.names.keys import name_key
from athena.sharing.search.dictionary import NameDictionary
from athena.sharing.search.neighbourhood import filed_by_loop
from athena.sharing.search.plan import make_plan
from athena.sharing.search.query import Asked, understand
from athena.sharing.search.ranking import Candidate, rank


def warm() -> None:
    """Look for somebody in a dictionary of two names, so that every loop runs once."""
    filed_by_loop(np.asarray(["anna"], np.bytes_), np.zeros(1, np.uint64), 6, 8)
    names = NameDictionary.build([(1, "anna"), (2, "smith")], [2 << 23 | 1])
    plan = make_plan(understand(Asked(surname="smyth jones", given_name="ana maria")), names)
    found = Candidate(name_key(2, 1, 0), TenantId(1), NominalId(uuid4()), LabelId(1))
    rank(plan, [found])


def settle() -> None:
    """Warm up, and spare what is loaded by then the rounds of the garbage collector.

    It stays as long as the process does; going through all of it takes some 40 ms, which one in a
    hundred searches had to wait for.
    """
    warm()
    if not gc.get_freeze_count():  # once: what later passes away must be collected
        gc.collect()
        gc.freeze()


if __name__ == "__main__":
    warm()
