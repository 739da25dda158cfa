# METADATA
# title: Visibility
# description: |
#   For each label, how much of a record a requester may see for a purpose, and why. The rules are
#   numbered and told in plain sentences in docs/policy.md. Everything denies by default.
# scope: package
package athena.visibility

# METADATA
# description: One decision for every label of the input
# entrypoint: true
decisions := [_decision(label) | some label in input.labels]

_levels := {"none": 0, "pointer": 1, "summary": 2, "full": 3}

_groups := {
	"addresses",
	"assessments",
	"contacts",
	"descriptions",
	"identifiers",
	"involvements",
	"markers",
}

_markings := {"OFFICIAL": 0, "OFFICIAL-SENSITIVE": 1}

_handling_codes := {"P": 0, "C": 1}

_record_classes := {"nominal", "investigation", "intelligence", "custody", "case"}

_condition_obligations := {
	"A1": "covert_development_only",
	"A2": "covert_use_only",
	"A3": "overt_use_permitted",
	"S1": "sanitise_under_delegated_authority",
	"S2": "consult_originator",
}

_reading_roles := {"officer", "supervisor", "records_manager", "data_protection_officer"}

_restricted_roles := {"supervisor", "records_manager", "data_protection_officer"}

_data_quality_roles := {"supervisor", "records_manager", "data_protection_officer"}

_lifetime := 300

_roles := {role | some role in input.requester.roles}

# Why nothing may be seen whatever the label (rules 1 to 4).
_bars contains "not_a_force" if input.requester.kind != "force"

_bars contains "role_sees_no_records" if count(_roles & _reading_roles) == 0

_bars contains "purpose_unknown" if not input.purpose in input.purposes

_bars contains "data_quality_needs_its_roles" if {
	input.purpose == "data_quality"
	count(_roles & _data_quality_roles) == 0
}

# What keeps an agreement from being used at all (rule 7).
_standing(agreement) := ((((({"agreement_not_in_force" |
	not agreement.status in {"in_force", "suspended"}
} | {"agreement_suspended" |
	agreement.status == "suspended"
}) | {"agreement_unsigned" |
	some party in agreement.parties
	not party.tenant in {signatory.tenant | some signatory in agreement.signatories}
}) | {"agreement_not_yet_valid" |
	input.today < agreement.valid_from
}) | {"agreement_expired" |
	input.today > agreement.valid_to
}) | {"agreement_review_overdue" |
	input.today > agreement.review_due
}) | {"agreement_assessment_expired" |
	input.today > agreement.dpia_expires
}

_has_party(agreement, tenant, role) if {
	some party in agreement.parties
	party.tenant == tenant
	party.role == role
}

# Agreements under which an owner may share with the requester, with what stands against each.
_shared_by[owner] contains entry if {
	some agreement in input.agreements
	_has_party(agreement, input.requester.tenant, "recipient")
	some party in agreement.parties
	party.role == "owner"
	owner := party.tenant
	owner != input.requester.tenant
	against := _standing(agreement) | {"purpose_not_in_agreement" |
		not agreement.purposes[input.purpose]
	}
	entry := {"agreement": agreement, "against": against}
}

_categories(label) := {category | some category in label.categories} if count(label.categories) > 0

_categories(label) := {"other"} if count(label.categories) == 0

# What keeps an agreement from covering one label (rules 8 to 10).
_against_label(agreement, label) := (({"record_class_not_in_agreement" |
	not label.record_class in agreement.record_classes
} | {"category_not_in_agreement" |
	count(_categories(label) - {c | some c in agreement.subject_categories}) > 0
}) | {"marking_above_ceiling" |
	_markings[label.marking] > _markings[agreement.marking_ceiling]
}) | {"restricted_record" |
	label.restricted
	agreement.restricted_level == "none"
}

# What lowers a label to a pointer under an agreement (rules 11 to 14).
_caps(agreement, label) := (({"handling_above_ceiling" |
	_handling_codes[label.handling] > _handling_codes[agreement.handling_ceiling]
} | {"restricted_record" |
	label.restricted
}) | {"sensitive_processing_not_covered" |
	label.sensitive
	not agreement.sensitive_processing
}) | {"consult_originator_first" |
	"S2" in label.conditions
}

_known(label) if {
	label.record_class in _record_classes
	_markings[label.marking] >= 0
	_handling_codes[label.handling] >= 0
}

_candidate(agreement, label) := candidate if {
	terms := agreement.purposes[input.purpose]
	caps := _caps(agreement, label)
	level := _capped(terms.level, caps)
	groups := [group | level == "full"; some group in terms.groups; group in _groups]
	candidate := {
		"rank": [0 - _levels[level], 0 - count(groups), agreement.reference],
		"level": level,
		"groups": sort(groups),
		"agreement": agreement,
		"caps": caps,
	}
}

_capped(level, caps) := level if count(caps) == 0

_capped(level, caps) := "pointer" if {
	count(caps) > 0
	_levels[level] >= _levels.pointer
}

_capped("none", caps) := "none" if count(caps) > 0

# The decision of one label: the first that applies.
_decision(label) := _nothing(label, _bars) if {
	count(_bars) > 0
} else := _nothing(label, {"label_unknown"}) if {
	not _known(label)
} else := _own(label) if {
	label.owner == input.requester.tenant
} else := _nothing(label, {"data_quality_is_for_own_records"}) if {
	input.purpose == "data_quality"
} else := _across(label)

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

# Own force (rules 5 and 6).
_own(label) := object.union(_nothing(label, {"own_force_restricted"}), {
	"level": "pointer",
	"clause": "own_force",
}) if {
	label.restricted
	count(_roles & _restricted_roles) == 0
} else := object.union(_nothing(label, {"own_force"}), {
	"level": "full",
	"groups": sort(_groups),
	"clause": "own_force",
	"obligations": _condition_obligations_of(label),
	"withheld": [],
})

_across(label) := _disclosed(label, _best(label)) if {
	_best(label)
} else := _nothing(label, _why_not(label))

_usable(label) := [candidate |
	some entry in _shared_by[label.owner]
	count(entry.against) == 0
	count(_against_label(entry.agreement, label)) == 0
	candidate := _candidate(entry.agreement, label)
	candidate.level != "none"
]

# Rule 15: one agreement only: the highest level, then the most groups, then the reference.
_best(label) := best if {
	usable := _usable(label)
	first := min([candidate.rank | some candidate in usable])
	some best in usable
	best.rank == first
}

_disclosed(label, best) := {
	"label": label.id,
	"level": best.level,
	"groups": best.groups,
	"agreement": best.agreement.id,
	"clause": concat(".", ["purposes", input.purpose]),
	"reasons": sort({"agreement_allows"} | best.caps),
	"obligations": sort({obligation | some obligation in _condition_obligations_of(label)} | {"no_onward_sharing" |
		not best.agreement.onward_sharing
	}),
	"withheld": sort(_groups - {group | some group in best.groups}),
	"expires_in": _lifetime,
}

_condition_obligations_of(label) := sort({obligation |
	some condition in label.conditions
	obligation := _condition_obligations[condition]
})

_why_not(label) := {"no_agreement"} if {
	count(object.get(_shared_by, label.owner, set())) == 0
} else := {reason |
	some entry in _shared_by[label.owner]
	some reason in (entry.against | _against_label(entry.agreement, label))
}
