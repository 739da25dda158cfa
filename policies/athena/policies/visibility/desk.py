"""The gate's desk: logged work on what isn't a record, such as the worklist.

It opens under the purpose of data quality, which shows no record of another force, and to most
roles no record at all (rule 4 of docs/policy.md): whoever works on a list sees no more by it.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from athena.platform.kernel.audit import Entry
from athena.platform.kernel.desk import Desk
from athena.platform.kernel.identity import Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration
from athena.policies.visibility.service import Gate


def make_desk(gate: Gate) -> Desk:
    """Return the desk of a gate."""

    def at_the_desk(
        subject: Subject, action: str, entry: Entry
    ) -> AbstractAsyncContextManager[Alteration]:
        return gate.alter(subject, Action(action), Purpose.DATA_QUALITY, entry)

    return at_the_desk
