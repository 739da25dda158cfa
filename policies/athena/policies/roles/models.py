"""A rule of roles: what a role may do in a kind of tenant, or which role it inherits from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as Casbin writes it: ``p, role, kind, action`` or ``g, role, inherited role``.

    An action that this release doesn't know is kept as it stands, and decides nothing: another
    release, which does, may run beside this one.
    """

    role: str
    tenant_kind: str | None
    action: str

    @classmethod
    def parse(cls, cells: Sequence[str]) -> Rule:
        """Return the rule of a line of Casbin's policy."""
        if cells[0] == "g":
            _, role, inherited = cells
            return cls(role, None, inherited)
        _, role, tenant_kind, action = cells
        return cls(role, tenant_kind, action)

    def line(self) -> str:
        """Return the rule as a line of Casbin's policy."""
        if self.tenant_kind is None:
            return f"g, {self.role}, {self.action}"
        return f"p, {self.role}, {self.tenant_kind}, {self.action}"

    def document(self) -> dict[str, str]:
        """Return the rule as the log keeps it."""
        return {"role": self.role, "kind": self.tenant_kind or "", "action": self.action}
