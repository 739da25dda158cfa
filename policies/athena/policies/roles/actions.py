"""Every action that a role can allow."""

from __future__ import annotations

import enum


class Action(enum.StrEnum):
    """What a member can ask the platform to do, in the alphabet's order."""

    AGREEMENTS_MANAGE = "agreements.manage"
    AGREEMENTS_PROPOSE = "agreements.propose"
    AGREEMENTS_READ = "agreements.read"
    AGREEMENTS_SIGN = "agreements.sign"
    AUDIT_READ = "audit.read"
    AUDIT_READ_OWN_FORCE = "audit.read_own_force"
    DECISIONS_READ = "decisions.read"
    DECISIONS_READ_OWN = "decisions.read_own"
    DECISIONS_READ_OWN_FORCE = "decisions.read_own_force"
    EMERGENCIES_REVIEW = "emergencies.review"
    FILES_KEYS = "files.keys"
    LINKING_THRESHOLDS = "linking.thresholds"
    LINKS_DECIDE = "links.decide"
    LINKS_READ = "links.read"
    MEMBERS_MANAGE = "members.manage"
    NOMINALS_AMEND = "nominals.amend"
    NOMINALS_BREAK_GLASS = "nominals.break_glass"
    NOMINALS_CREATE = "nominals.create"
    NOMINALS_ERASE = "nominals.erase"
    NOMINALS_FOLLOW = "nominals.follow"
    NOMINALS_IMPORT = "nominals.import"
    NOMINALS_MERGE = "nominals.merge"
    NOMINALS_READ = "nominals.read"
    NOMINALS_SEARCH = "nominals.search"
    NOTIFICATIONS_READ = "notifications.read"
    POLICIES_SIMULATE = "policies.simulate"
    RECORDS_EXPORT = "records.export"
    RECORDS_LOCK = "records.lock"
    RECORDS_RESTORE = "records.restore"
    RECORDS_RESTRICT = "records.restrict"
    ROLES_MANAGE = "roles.manage"
    TENANTS_MANAGE = "tenants.manage"
    TENANTS_READ = "tenants.read"
    WORKLIST_WORK = "worklist.work"
