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
    FILES_KEYS = "files.keys"
    EMERGENCIES_REVIEW = "emergencies.review"
    MEMBERS_MANAGE = "members.manage"
    NOMINALS_AMEND = "nominals.amend"
    NOMINALS_BREAK_GLASS = "nominals.break_glass"
    NOMINALS_CREATE = "nominals.create"
    NOMINALS_ERASE = "nominals.erase"
    NOMINALS_FOLLOW = "nominals.follow"
    NOMINALS_IMPORT = "nominals.import"
    NOMINALS_READ = "nominals.read"
    NOMINALS_SEARCH = "nominals.search"
    NOTIFICATIONS_READ = "notifications.read"
    RECORDS_EXPORT = "records.export"
    RECORDS_RESTORE = "records.restore"
    ROLES_MANAGE = "roles.manage"
    RECORDS_LOCK = "records.lock"
    RECORDS_RESTRICT = "records.restrict"
    TENANTS_MANAGE = "tenants.manage"
    TENANTS_READ = "tenants.read"
    WORKLIST_WORK = "worklist.work"
