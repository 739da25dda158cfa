# METADATA
# title: Visibility
# description: |
#   For each label, how much of a record a requester may see for a purpose, and why. The rules are
#   numbered and told in plain sentences in docs/policy.md. Everything denies by default: a rule
#   states what must hold, so that whatever is missing or malformed counts against disclosure.
package athena.visibility

# METADATA
# title: Decisions
# description: One decision for every label of the input, in the input's order.
# entrypoint: true
decisions := [_decision(label) | some label in input.labels]

# METADATA
# description: The elements of a list; what stands in its place and is none has no elements.
_listed(value) := value if {
	is_array(value)
} else := []

# METADATA
# title: Rule 7
# description: Whether two days are known and in order, the same day too. Whatever isn't a day isn't.
_in_order(earlier, later) if {
	_is_day(earlier)
	_is_day(later)
	earlier <= later
}

# METADATA
# description: Whether a value is a day of the calendar, written as ISO 8601 does.
_is_day(value) if {
	regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, value)
	[year, month, day] := split(value, "-")
	day >= "01"
	day <= _last_days[month]
	_is_in_calendar(year, month, day)
}

# METADATA
# description: The last day of each month, in a leap year.
_last_days := {
	"01": "31", "02": "29", "03": "31", "04": "30", "05": "31", "06": "30",
	"07": "31", "08": "31", "09": "30", "10": "31", "11": "30", "12": "31",
}

# METADATA
# description: Whether the year has the day; only 29 February is in some years and not in others.
_is_in_calendar(year, month, day) if {
	year != "0000"
	concat("-", [month, day]) != "02-29"
}

_is_in_calendar(year, "02", "29") if {
	substring(year, 2, 2) != "00"
	_is_fourth(substring(year, 2, 2))
}

_is_in_calendar(year, "02", "29") if {
	year != "0000"
	substring(year, 2, 2) == "00"
	_is_fourth(substring(year, 0, 2))
}

# METADATA
# description: Whether a number of two digits is divisible by four.
_is_fourth(digits) if regex.match(`^([02468][048]|[13579][26])$`, digits)

# METADATA
# description: The levels of disclosure, least first.
_levels := {"none": 0, "pointer": 1, "summary": 2, "full": 3}

# METADATA
# description: Every group of fields that an agreement can allow.
_groups := {
	"addresses",
	"assessments",
	"contacts",
	"descriptions",
	"identifiers",
	"involvements",
	"markers",
}

# METADATA
# description: The markings that the store may hold, lowest first.
_markings := {"OFFICIAL": 0, "OFFICIAL-SENSITIVE": 1}

# METADATA
# description: The handling codes of a 3x5x2 report, freest first.
_handling_codes := {"P": 0, "C": 1}

# METADATA
# description: The classes of record that the platform knows.
_record_classes := {"nominal", "investigation", "intelligence", "custody", "case"}

# METADATA
# description: What each condition of handling code C obliges whoever sees the record to do.
_condition_obligations := {
	"A1": "covert_development_only",
	"A2": "covert_use_only",
	"A3": "overt_use_permitted",
	"S1": "sanitise_under_delegated_authority",
	"S2": "consult_originator",
}

# METADATA
# description: What an agreement may oblige its recipients to, purpose by purpose.
_agreed_obligations := {"extra_justification", "notify_owner", "watermark"}

# METADATA
# description: The roles that may see records at all.
_reading_roles := {"officer"} | _senior_roles

# METADATA
# description: The roles that see their own force's restricted records and work on data quality.
_senior_roles := {"supervisor", "records_manager", "data_protection_officer"}

# METADATA
# title: Rule 19
# description: The roles that may open a record in an emergency.
_emergency_roles := {"supervisor", "emergency_access"}

# METADATA
# description: How many seconds a decision may be relied on.
_lifetime := 300

# METADATA
# description: The requester's roles, as a set.
_roles := {role | some role in _listed(input.requester.roles)}

# METADATA
# title: Rules 1 to 4
# description: Why this requester sees nothing for this purpose, whatever the label.
# scope: document
_bars contains "not_a_force" if not _may_ask

_bars contains "requester_suspended" if not _requester_is_active

_bars contains "role_sees_no_records" if not _reads

_bars contains "purpose_unknown" if not _is_purpose

_bars contains "data_quality_needs_its_roles" if {
	input.purpose == "data_quality"
	count(_roles & _senior_roles) == 0
}

# METADATA
# description: |
#   Whether the requester is a force. A rule of its own because a `not` over an expression is
#   undefined, not true, where part of that expression is missing; `not` over a rule is true.
_is_force if input.requester.kind == "force"

# METADATA
# title: Rule 20
# description: Whether the requester is a partner organisation.
_is_partner if input.requester.kind == "partner"

# METADATA
# title: Rules 1 and 20
# description: Whether the requester is of a kind that may see anything of records.
# scope: document
_may_ask if _is_force

_may_ask if _is_partner

# METADATA
# title: Rules 2 and 20
# description: Whether the requester has a role that sees records; a partner's is one of its own.
# scope: document
_reads if {
	not _is_partner
	count(_roles & _reading_roles) > 0
}

_reads if {
	_is_partner
	"partner_caller" in _roles
}

# METADATA
# title: Rules 8 and 20
# description: What the requester must be to an agreement.
_receiving_role := "partner" if {
	_is_partner
} else := "recipient"

# METADATA
# title: Rules 5 and 20
# description: Whether a label is the requester's own; a partner owns no records.
_is_own(label) if {
	_is_force
	label.owner == input.requester.tenant
}

# METADATA
# description: Whether a tenant takes part now; one that is suspended neither sees nor shows anything.
_is_active(tenant) if tenant in _listed(input.active)

# METADATA
# description: |
#   Whether the requester's force takes part. A rule of its own, for `not` with an argument that is
#   missing is undefined, not true.
_requester_is_active if _is_active(input.requester.tenant)

# METADATA
# title: Rule 4
# description: Whether the requester is cleared for a label's marking.
_is_cleared(label) if _markings[label.marking] <= _markings[input.requester.clearance]

# METADATA
# description: Whether the purpose is one of the consortium's list.
_is_purpose if input.purpose in _listed(input.purposes)

# METADATA
# title: Rule 4
# description: Whether the label is complete and of values that these rules know.
_known(label) if {
	is_string(label.owner)
	label.record_class in _record_classes
	_markings[label.marking] >= 0
	_handling_codes[label.handling] >= 0
	is_boolean(label.sensitive)
	is_boolean(label.restricted)
	is_boolean(label.sealed)
	is_array(label.categories)
	is_array(label.conditions)
	every condition in label.conditions {
		_condition_obligations[condition]
	}
}

# METADATA
# title: Rules 17 and 18
# description: |
#   Whether the question is about one record that is restricted to named members or teams, and the
#   requester is one of them. Plain labels have no such field, and name nobody.
_is_named(label) if {
	label.listed == true
	label.named == true
}

# METADATA
# title: Rule 19
# description: |
#   What the other rules decide, or the whole record where it is opened in an emergency: from a
#   pointer or a summary, never from nothing, and never where the owner has sealed it.
_decision(label) := _opened(label, decision) if {
	label.emergency == true
	label.sealed == false
	decision := _ordinary(label)
	decision.level in {"pointer", "summary"}
	_is_force
	count(_roles & _emergency_roles) > 0
} else := _ordinary(label)

# METADATA
# title: Rule 19
# description: A decision raised to the whole record.
_opened(label, decision) := object.union(decision, {
	"level": "full",
	"groups": sort(_groups),
	"reasons": sort({reason | some reason in decision.reasons} | {"emergency_access"}),
	"obligations": sort({code | some code in decision.obligations} | _conditions(label)),
	"withheld": [],
})

# METADATA
# description: The decision of one label without an emergency, by the first rule that applies.
_ordinary(label) := _nothing(label, _bars) if {
	count(_bars) > 0
} else := _nothing(label, {"label_unknown"}) if {
	not _known(label)
} else := _nothing(label, {"marking_above_clearance"}) if {
	not _is_cleared(label)
} else := _own(label) if {
	_is_own(label)
} else := _nothing(label, {"data_quality_is_for_own_records"}) if {
	input.purpose == "data_quality"
} else := _nothing(label, {"owner_suspended"}) if {
	not _is_active(label.owner)
} else := _across(label)

# METADATA
# description: The decision that shows nothing, for the reasons given.
_nothing(label, reasons) := {
	"label": label.id,
	"level": "none",
	"groups": [],
	"agreement": "",
	"clause": "",
	"reasons": sort(reasons),
	"obligations": [],
	"withheld": sort(_groups),
	"expires_in": _lifetime,
}

# METADATA
# title: Rules 5, 6 and 17
# description: The decision for a label of the requester's own force.
_own(label) := object.union(_nothing(label, {"restricted_to_others"}), {
	"level": "pointer",
	"clause": "own_force",
}) if {
	label.listed == true
	not _is_named(label)
} else := object.union(_nothing(label, {"own_force_restricted"}), {
	"level": "pointer",
	"clause": "own_force",
}) if {
	label.restricted
	not _is_named(label)
	count(_roles & _senior_roles) == 0
} else := object.union(_nothing(label, {"own_force"} | _naming(label)), {
	"level": "full",
	"groups": sort(_groups),
	"clause": "own_force",
	"obligations": sort(_conditions(label)),
	"withheld": [],
})

# METADATA
# title: Rules 17 and 18
# description: The reason that is told where the requester sees a restricted record by name.
_naming(label) := {"named_in_restriction"} if {
	_is_named(label)
} else := set()

# METADATA
# title: Rule 18
# description: The reason that is told where naming the requester lifted a restriction.
_lifting(label) := _naming(label) if {
	label.restricted == true
} else := set()

# METADATA
# title: Rule 8
# description: |
#   The agreements to which the requester is a recipient, or a partner where it is one, each with what it shares. Read once for all
#   labels, as is what follows from it: an interpreter keeps a rule without arguments.
_shared := [{"agreement": agreement, "terms": terms, "owners": owners} |
	some agreement in _listed(input.agreements)
	_is_party(agreement, input.requester.tenant, _receiving_role)
	_has_name(agreement)
	owners := {party.tenant | some party in _listed(agreement.parties); party.role == "owner"}
	terms := {
		"record_classes": {class | some class in _listed(agreement.record_classes)},
		"categories": {category | some category in _listed(agreement.subject_categories)},
		"groups": {group | some group in _listed(agreement.purposes[input.purpose].groups)} & _groups,
		"level": _agreed_level(agreement),
		"marking_ceiling": object.get(agreement, "marking_ceiling", null),
		"handling_ceiling": object.get(agreement, "handling_ceiling", null),
		"restricted_level": object.get(agreement, "restricted_level", null),
		"sensitive_processing": object.get(agreement, "sensitive_processing", null),
		"against": {reason |
			some reason in _standing_reasons
			not _stands(agreement, reason)
		},
	}
]

# METADATA
# title: Rule 8
# description: |
#   Each owner's agreements, under the terms that they have in common. Agreements of the same terms
#   give the same, so each label is held against the terms.
_sharing[owner][terms] contains [agreement.reference, agreement.id, agreement] if {
	some {"agreement": agreement, "terms": terms, "owners": owners} in _shared
	some owner in owners
}

# METADATA
# title: Rules 8 and 15
# description: Each owner's terms, with the agreement that is first under them.
_offers := {owner: offers |
	some owner, by_terms in _sharing
	offers := {{"terms": terms, "agreement": min(agreements)[2]} |
		some terms, agreements in by_terms
	}
}

# METADATA
# description: The level that an agreement allows for the purpose, or null.
_agreed_level(agreement) := level if {
	level := agreement.purposes[input.purpose].level
} else := null

# METADATA
# description: Whether an agreement can be named; without an id or a reference it isn't one.
_has_name(agreement) if {
	regex.match(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, agreement.id)
	is_string(agreement.reference)
	agreement.reference != ""
}

# METADATA
# description: Whether a tenant is a party in this role.
_is_party(agreement, tenant, role) if {
	some party in _listed(agreement.parties)
	party.tenant == tenant
	party.role == role
}

# METADATA
# description: What stands in the agreements in the place of days, each told once.
_days contains agreement[name] if {
	some agreement in _listed(input.agreements)
	some name in ["dpia_expires", "review_due", "valid_from", "valid_to"]
}

_days contains signatory.signed_on if {
	some agreement in _listed(input.agreements)
	some signatory in _listed(agreement.signatories)
}

# METADATA
# title: Rule 7
# description: The days of the agreements that are today or later.
_not_past := {day | some day in _days; _in_order(input.today, day)}

# METADATA
# title: Rule 7
# description: The days of the agreements that are today or earlier.
_not_to_come := {day | some day in _days; _in_order(day, input.today)}

# METADATA
# description: What can keep an agreement from being used at all.
_standing_reasons := {
	"agreement_assessment_expired",
	"agreement_expired",
	"agreement_not_in_force",
	"agreement_not_yet_valid",
	"agreement_review_overdue",
	"agreement_suspended",
	"agreement_unsigned",
	"purpose_not_in_agreement",
}

# METADATA
# title: Rules 7 and 8
# description: Whether a reason does not stand against an agreement.
# scope: document
_stands(agreement, "agreement_assessment_expired") if agreement.dpia_expires in _not_past

_stands(agreement, "agreement_expired") if agreement.valid_to in _not_past

_stands(agreement, "agreement_not_in_force") if agreement.status in {"in_force", "suspended"}

_stands(agreement, "agreement_not_yet_valid") if agreement.valid_from in _not_to_come

_stands(agreement, "agreement_review_overdue") if agreement.review_due in _not_past

_stands(agreement, "agreement_suspended") if agreement.status != "suspended"

_stands(agreement, "agreement_unsigned") if {
	signed := {signatory.tenant |
		some signatory in _listed(agreement.signatories)
		signatory.signed_on in _not_to_come
	}
	every party in _listed(agreement.parties) {
		party.tenant in signed
	}
}

_stands(agreement, "purpose_not_in_agreement") if {
	terms := agreement.purposes[input.purpose]
	_levels[terms.level] > 0
	obligations := object.get(terms, "obligations", [])
	is_array(obligations)
	every obligation in obligations {
		obligation in _agreed_obligations
	}
}

# METADATA
# title: Rules 9, 10 and 12
# description: What keeps an agreement from covering a label.
_uncovered(offer, label) := {reason |
	some reason in _coverage_reasons
	not _covers(offer, label, reason)
}

# METADATA
# description: What can keep an agreement from covering a label.
_coverage_reasons := {
	"category_not_in_agreement",
	"marking_above_ceiling",
	"record_class_not_in_agreement",
	"restricted_record",
}

# METADATA
# title: Rules 9, 10, 12 and 18
# description: Whether a reason does not keep an agreement from covering a label.
# scope: document
_covers(offer, label, "category_not_in_agreement") if {
	count(_categories(label) - offer.terms.categories) == 0
}

_covers(offer, label, "marking_above_ceiling") if {
	_markings[label.marking] <= _markings[offer.terms.marking_ceiling]
}

_covers(offer, label, "record_class_not_in_agreement") if label.record_class in offer.terms.record_classes

_covers(_, label, "restricted_record") if label.restricted == false

_covers(offer, _, "restricted_record") if offer.terms.restricted_level == "pointer"

_covers(_, label, "restricted_record") if _is_named(label)

# METADATA
# description: The label's subject categories; a label without any counts as other.
_categories(label) := {category | some category in label.categories} if {
	count(label.categories) > 0
} else := {"other"}

# METADATA
# title: Rules 11 to 14
# description: What lowers a label to a pointer under an agreement that covers it.
_caps(offer, label) := {reason |
	some reason in _cap_reasons
	not _uncapped(offer, label, reason)
}

# METADATA
# description: What can lower a label to a pointer.
_cap_reasons := {
	"consult_originator_first",
	"handling_above_ceiling",
	"restricted_record",
	"sensitive_processing_not_covered",
}

# METADATA
# title: Rules 11 to 14 and 18
# description: Whether a reason does not lower a label to a pointer.
# scope: document
_uncapped(_, label, "consult_originator_first") if not "S2" in label.conditions

_uncapped(offer, label, "handling_above_ceiling") if {
	_handling_codes[label.handling] <= _handling_codes[offer.terms.handling_ceiling]
}

_uncapped(_, label, "restricted_record") if label.restricted == false

_uncapped(_, label, "restricted_record") if _is_named(label)

_uncapped(_, label, "sensitive_processing_not_covered") if label.sensitive == false

_uncapped(offer, _, "sensitive_processing_not_covered") if offer.terms.sensitive_processing == true

# METADATA
# title: Rule 15
# description: The decision for a label of another force, under one agreement or none.
_across(label) := _disclosed(label, best) if {
	best := _best(_candidates(label))
} else := _nothing(label, _why_not(label))

# METADATA
# description: What the terms that cover the label would give, best first in the order of arrays.
_candidates(label) := {candidate |
	some offer in _offers[label.owner]
	count(offer.terms.against) == 0
	count(_uncovered(offer, label)) == 0
	caps := _caps(offer, label)
	level := _capped(offer.terms.level, caps)
	groups := _groups_at(level, offer)
	candidate := [
		0 - _levels[level],
		0 - count(groups),
		offer.agreement.reference,
		offer.agreement.id,
		{"level": level, "groups": groups, "agreement": offer.agreement, "caps": caps},
	]
}

# METADATA
# title: Rule 15
# description: The highest level, then the most groups, then the first reference and id.
_best(candidates) := min(candidates)[4]

# METADATA
# description: The level under an agreement once its caps are applied.
_capped(level, caps) := level if {
	count(caps) == 0
} else := "pointer"

# METADATA
# description: The groups that a level shows; only full shows any.
_groups_at(level, offer) := offer.terms.groups if {
	level == "full"
} else := set()

# METADATA
# title: Rule 15
# description: The decision that an agreement gives.
_disclosed(label, best) := {
	"label": label.id,
	"level": best.level,
	"groups": sort(best.groups),
	"agreement": best.agreement.id,
	"clause": concat(".", ["purposes", input.purpose]),
	"reasons": sort((({"agreement_allows"} | best.caps) | _lifting(label))),
	"obligations": sort(_conditions(label) | _sharing_obligations(best.agreement)),
	"withheld": sort(_groups - best.groups),
	"expires_in": _lifetime,
}

# METADATA
# description: The obligations that come from the label's conditions.
_conditions(label) := {_condition_obligations[condition] | some condition in label.conditions}

# METADATA
# description: The obligations that come from the agreement.
_sharing_obligations(agreement) := _purpose_obligations(agreement) if {
	agreement.onward_sharing == true
} else := _purpose_obligations(agreement) | {"no_onward_sharing"}

# METADATA
# description: The obligations that the agreement lays down for the purpose; all are known by rule 8.
_purpose_obligations(agreement) := {obligation |
	some obligation in agreement.purposes[input.purpose].obligations
}

# METADATA
# title: Rule 16
# description: Why nothing crosses, over every agreement by which the owner shares with the requester.
_why_not(label) := {reason |
	some offer in _offers[label.owner]
	some reason in (offer.terms.against | _uncovered(offer, label))
} if {
	_offers[label.owner]
} else := {"no_agreement"}
