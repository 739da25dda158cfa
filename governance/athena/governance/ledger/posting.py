"""What is posted when something happens: pure, and always balanced.

Whatever happens to a charge, what each force should bear is worked out anew from what was agreed
(`ledger.sharing`), and the difference from what was posted before is posted now. So the books say
the same however a charge came to where it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from athena.governance.apportionment.apportioning import largest_remainder
from athena.governance.apportionment.money import pounds
from athena.governance.ledger.models import Account, Entry, Position
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import TenantId

Entries = tuple[Entry, ...]


def commit(position: Position, target: Mapping[TenantId, int]) -> Entries:
    """Bring a charge's year to what each force should bear of it now.

    What was invoiced so far is shared anew by the same proportions: who joins pays its part of it,
    who came before is credited. ConflictError where more was invoiced than the charge now costs.
    """
    invoiced = position.total_invoiced
    cost = sum(target.values())
    if invoiced > cost:
        raise ConflictError(
            f"{pounds(invoiced)} were invoiced, more than {pounds(cost)}; enter the supplier's "
            "credit note first."
        )
    forces = sorted({*target, *position.forces})
    borne = _split(invoiced, {tenant: target.get(tenant, 0) for tenant in forces})
    entries = []
    for tenant in forces:
        committed = target.get(tenant, 0) - borne[tenant]
        entries += [
            Entry(Account.OWED, tenant, borne[tenant] - position.invoiced.get(tenant, 0)),
            Entry(Account.COMMITTED, tenant, committed - position.committed.get(tenant, 0)),
        ]
    entries.append(Entry(Account.COMMITMENTS, None, position.total_committed - (cost - invoiced)))
    return _posted(entries)


def invoice(position: Position, pence: int) -> Entries:
    """Take an invoice of the supplier, and invoice the forces for what they are committed to."""
    _positive(pence)
    if pence > position.total_committed:
        raise ConflictError(
            f"Only {pounds(position.total_committed)} are committed and not yet invoiced; "
            "enter a new quote first."
        )
    # By what each is still committed to: nobody is ever invoiced for more than its share.
    return _move(pence, _split(pence, position.committed))


def credit(position: Position, pence: int) -> Entries:
    """Take a credit note of the supplier, and credit the forces; the commitment stands again."""
    _positive(pence)
    if pence > position.total_invoiced:
        raise ConflictError(f"Only {pounds(position.total_invoiced)} were invoiced.")
    return _move(-pence, {key: -part for key, part in _split(pence, position.invoiced).items()})


def receive(tenant: TenantId, pence: int) -> Entries:
    """Take what a force paid."""
    _positive(pence)
    return (Entry(Account.CASH, None, pence), Entry(Account.OWED, tenant, -pence))


def refund(tenant: TenantId, owed: int, pence: int) -> Entries:
    """Pay a force what it has to its credit; ``owed`` is the balance of what it owes."""
    _positive(pence)
    if pence > -owed:
        raise ConflictError(f"Only {pounds(max(-owed, 0))} stand to its credit.")
    return (Entry(Account.OWED, tenant, pence), Entry(Account.CASH, None, -pence))


def pay(owed_to_supplier: int, pence: int) -> Entries:
    """Pay the supplier; ``owed_to_supplier`` is zero or more."""
    _positive(pence)
    if pence > owed_to_supplier:
        raise ConflictError(f"Only {pounds(max(owed_to_supplier, 0))} are owed to the supplier.")
    return (Entry(Account.SUPPLIER, None, pence), Entry(Account.CASH, None, -pence))


def _move(pence: int, parts: Mapping[TenantId, int]) -> Entries:
    """Move pence from committed to invoiced, or back where they are negative."""
    entries = [
        Entry(Account.COSTS, None, pence),
        Entry(Account.SUPPLIER, None, -pence),
        Entry(Account.CONTRIBUTIONS, None, -pence),
        Entry(Account.COMMITMENTS, None, pence),
    ]
    for tenant, part in parts.items():
        entries += [
            Entry(Account.OWED, tenant, part),
            Entry(Account.COMMITTED, tenant, -part),
        ]
    return _posted(entries)


def _split(pence: int, weights: Mapping[TenantId, int]) -> dict[TenantId, int]:
    if pence == 0:
        return dict.fromkeys(weights, 0)
    return largest_remainder(pence, weights)


def _positive(pence: int) -> None:
    if pence <= 0:
        raise InvalidInputError(
            "Give an amount above zero; what comes back is a credit or a refund.",
            field="/amount_pence",
        )


def _posted(entries: list[Entry]) -> Entries:
    return tuple(entry for entry in entries if entry.pence != 0)
