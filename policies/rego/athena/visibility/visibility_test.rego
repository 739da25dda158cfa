# METADATA
# description: The rules of docs/policy.md, one test each
package athena.visibility_test

import data.athena.visibility

_purposes := [
	"custody",
	"data_quality",
	"firearms_licensing",
	"intelligence",
	"investigation",
	"missing_person",
	"safeguarding",
]

_agreement := {
	"id": "3c1f0000-0000-4000-8000-000000000001",
	"reference": "ATH-ISA-T1",
	"status": "in_force",
	"parties": [{"tenant": "essex", "role": "owner"}, {"tenant": "kent", "role": "recipient"}],
	"signatories": [
		{"tenant": "essex", "signed_on": "2026-03-16"},
		{"tenant": "kent", "signed_on": "2026-03-16"},
	],
	"purposes": {"investigation": {"level": "full", "groups": ["addresses", "contacts"]}},
	"record_classes": ["nominal"],
	"subject_categories": ["suspect", "other"],
	"marking_ceiling": "OFFICIAL",
	"handling_ceiling": "P",
	"sensitive_processing": false,
	"restricted_level": "pointer",
	"onward_sharing": false,
	"valid_from": "2026-04-01",
	"valid_to": "2031-03-31",
	"review_due": "2030-04-01",
	"dpia_expires": "2030-04-01",
}

_label := {
	"id": 7,
	"owner": "essex",
	"record_class": "nominal",
	"marking": "OFFICIAL",
	"handling": "P",
	"conditions": [],
	"categories": ["suspect"],
	"sensitive": false,
	"restricted": false,
	"sealed": false,
}

_input := {
	"requester": {
		"tenant": "kent",
		"kind": "force",
		"roles": ["officer"],
		"clearance": "OFFICIAL-SENSITIVE",
	},
	"active": ["amo", "essex", "kent"],
	"purpose": "investigation",
	"purposes": _purposes,
	"today": "2026-11-24",
	"agreements": [_agreement],
	"labels": [_label],
}

_decide(changes) := decision if {
	asked := object.union(_input, changes)
	decision := visibility.decisions[0] with input as asked
}

_under(changes) := _decide({"agreements": [object.union(_agreement, changes)]})

_of(changes) := _decide({"labels": [object.union(_label, changes)]})

test_agreement_allows if {
	decision := _decide({})
	decision.level == "full"
	decision.groups == ["addresses", "contacts"]
	decision.agreement == _agreement.id
	decision.reasons == ["agreement_allows"]
	decision.obligations == ["no_onward_sharing"]
}

test_unknown_purpose_denies if _decide({"purpose": "curiosity"}).reasons == ["purpose_unknown"]

test_client_body_denies if {
	requester := {"requester": {"tenant": "amo", "kind": "client_body"}}
	_decide(requester).reasons == ["not_a_force"]
}

test_suspended_requester_sees_nothing if {
	suspended := {"active": ["amo", "essex"]}
	_decide(suspended).reasons == ["requester_suspended"]
	own := object.union(suspended, {"labels": [object.union(_label, {"owner": "kent"})]})
	_decide(own).reasons == ["requester_suspended"]
}

test_suspended_owner_shows_nothing if {
	_decide({"active": ["amo", "kent"]}).reasons == ["owner_suspended"]
}

test_marking_above_clearance_shows_nothing if {
	every owner in ["essex", "kent"] {
		decision := _decide({
			"requester": {"clearance": "OFFICIAL"},
			"labels": [object.union(_label, {"owner": owner, "marking": "OFFICIAL-SENSITIVE"})],
		})
		decision.reasons == ["marking_above_clearance"]
	}
	_decide({"requester": {"clearance": "OFFICIAL"}}).level == "full"
	_decide({"requester": {"clearance": "SECRET"}}).reasons == ["marking_above_clearance"]
}

test_administrator_sees_no_records if {
	requester := {"requester": {"roles": ["force_administrator"]}}
	_decide(requester).reasons == ["role_sees_no_records"]
}

test_no_agreement_denies if _decide({"agreements": []}).reasons == ["no_agreement"]

test_standing_denies if {
	_under({"status": "suspended"}).reasons == ["agreement_suspended"]
	_under({"status": "draft"}).reasons == ["agreement_not_in_force"]
	_under({"signatories": [_agreement.signatories[0]]}).reasons == ["agreement_unsigned"]
	_under({"valid_to": "2026-11-23"}).reasons == ["agreement_expired"]
	_under({"valid_from": "2026-11-25"}).reasons == ["agreement_not_yet_valid"]
	_under({"review_due": "2026-11-23"}).reasons == ["agreement_review_overdue"]
	_under({"dpia_expires": "2026-11-23"}).reasons == ["agreement_assessment_expired"]
}

test_signature_of_tomorrow_is_none if {
	later := {"tenant": "kent", "signed_on": "2026-11-25"}
	_under({"signatories": [_agreement.signatories[0], later]}).reasons == ["agreement_unsigned"]
}

test_purpose_at_level_none_is_not_in_agreement if {
	terms := {"investigation": {"level": "none", "groups": []}}
	_under({"purposes": terms}).reasons == ["purpose_not_in_agreement"]
}

test_what_is_missing_from_an_agreement_counts_against_it if {
	every field in [
		"dpia_expires",
		"marking_ceiling",
		"purposes",
		"record_classes",
		"review_due",
		"signatories",
		"status",
		"subject_categories",
		"valid_from",
		"valid_to",
	] {
		agreements := [object.remove(_agreement, [field])]
		_decide({"agreements": agreements}).level == "none"
	}
}

test_what_is_missing_from_a_label_denies if {
	every field in [
		"categories",
		"conditions",
		"handling",
		"marking",
		"owner",
		"record_class",
		"restricted",
		"sensitive",
	] {
		labels := [object.remove(_label, [field])]
		_decide({"labels": labels}).reasons == ["label_unknown"]
	}
}

test_what_is_missing_from_the_requester_denies if {
	every field in ["clearance", "kind", "roles", "tenant"] {
		requester := object.remove(_input.requester, [field])
		without := object.union(object.remove(_input, ["requester"]), {"requester": requester})
		decision := visibility.decisions[0] with input as without
		decision.level == "none"
	}
}

test_what_is_missing_from_the_input_denies if {
	every field in ["active", "agreements", "purpose", "purposes", "requester", "today"] {
		without := object.remove(_input, [field])
		decision := visibility.decisions[0] with input as without
		decision.level == "none"
	}
}

test_without_a_list_of_purposes_own_records_are_shut_too if {
	own := object.union(_input, {"labels": [object.union(_label, {"owner": "kent"})]})
	every field in ["purpose", "purposes"] {
		without := object.remove(own, [field])
		decision := visibility.decisions[0] with input as without
		decision.reasons == ["purpose_unknown"]
	}
}

test_what_is_missing_from_an_agreement_lowers_it if {
	every field, changes in {
		"handling_ceiling": {},
		"sensitive_processing": {"sensitive": true},
	} {
		decision := _decide({
			"agreements": [object.remove(_agreement, [field])],
			"labels": [object.union(_label, changes)],
		})
		decision.level == "pointer"
	}
	restricted := _decide({
		"agreements": [object.remove(_agreement, ["restricted_level"])],
		"labels": [object.union(_label, {"restricted": true})],
	})
	restricted.level == "none"
	unlimited := _decide({"agreements": [object.remove(_agreement, ["onward_sharing"])]})
	unlimited.obligations == ["no_onward_sharing"]
}

test_last_day_counts if {
	_under({"valid_to": "2026-11-24"}).level == "full"
	_under({"valid_from": "2026-11-24"}).level == "full"
	_under({"review_due": "2026-11-24"}).level == "full"
	_under({"dpia_expires": "2026-11-24"}).level == "full"
}

test_purpose_not_in_agreement if {
	_decide({"purpose": "custody"}).reasons == ["purpose_not_in_agreement"]
}

test_label_not_covered if {
	_of({"categories": ["suspect", "victim"]}).reasons == ["category_not_in_agreement"]
	_of({"record_class": "custody"}).reasons == ["record_class_not_in_agreement"]
	_of({"marking": "OFFICIAL-SENSITIVE"}).reasons == ["marking_above_ceiling"]
	_of({"marking": "SECRET"}).reasons == ["label_unknown"]
	_of({"conditions": ["S9"]}).reasons == ["label_unknown"]
}

test_no_category_counts_as_other if _of({"categories": []}).level == "full"

test_caps_to_pointer if {
	every changes in [
		{"handling": "C"},
		{"restricted": true},
		{"sensitive": true},
		{"conditions": ["S2"]},
	] {
		decision := _of(changes)
		decision.level == "pointer"
		decision.groups == []
	}
}

test_restricted_can_be_nothing if {
	decision := _decide({
		"agreements": [object.union(_agreement, {"restricted_level": "none"})],
		"labels": [object.union(_label, {"restricted": true})],
	})
	decision.level == "none"
	decision.reasons == ["restricted_record"]
}

test_own_force_full if {
	decision := _of({"owner": "kent"})
	decision.level == "full"
	count(decision.groups) == 7
	decision.reasons == ["own_force"]
}

test_own_restricted_needs_a_role if {
	_of({"owner": "kent", "restricted": true}).level == "pointer"
	decision := _decide({
		"requester": {"roles": ["supervisor"]},
		"labels": [object.union(_label, {"owner": "kent", "restricted": true})],
	})
	decision.level == "full"
}

test_restriction_shuts_out_whoever_is_not_named if {
	every role in ["officer", "supervisor", "records_manager", "data_protection_officer"] {
		others := object.union(_restricted, {"listed": true, "named": false})
		decision := _decide({"requester": {"roles": [role]}, "labels": [others]})
		decision.level == "pointer"
		decision.reasons == ["restricted_to_others"]
	}
}

test_restriction_opens_to_whoever_is_named if {
	decision := _decide({"labels": [object.union(_restricted, {"listed": true, "named": true})]})
	decision.level == "full"
	decision.reasons == ["named_in_restriction", "own_force"]
	without_role := {
		"requester": {"roles": ["board_member"]},
		"labels": [object.union(_restricted, {"listed": true, "named": true})],
	}
	_decide(without_role).reasons == ["role_sees_no_records"]
}

test_naming_across_forces_lifts_the_restriction_only if {
	named := {"restricted": true, "listed": true, "named": true}
	decision := _of(named)
	decision.level == "full"
	decision.reasons == ["agreement_allows", "named_in_restriction"]
	_of(object.union(named, {"sensitive": true})).level == "pointer"
	_of(object.union(named, {"categories": ["victim"]})).level == "none"
	closed := _decide({
		"agreements": [object.union(_agreement, {"restricted_level": "none"})],
		"labels": [object.union(_label, named)],
	})
	closed.level == "full"
	_decide({"agreements": [], "labels": [object.union(_label, named)]}).level == "none"
}

test_emergency_opens_a_pointer_or_a_summary if {
	every changes in [{"handling": "C"}, {"sensitive": true}, {"conditions": ["S2"]}] {
		decision := _emergency(["supervisor"], changes)
		decision.level == "full"
		count(decision.groups) == 7
		decision.withheld == []
		"emergency_access" in decision.reasons
	}
	summary := _decide({
		"requester": {"roles": ["officer", "emergency_access"]},
		"agreements": [object.union(_agreement, {"purposes": {"investigation": {
			"level": "summary",
			"groups": [],
		}}})],
		"labels": [object.union(_label, {"emergency": true, "sealed": false})],
	})
	summary.level == "full"
}

test_emergency_opens_a_restricted_record_of_the_own_force if {
	own := {"owner": "kent", "restricted": true, "listed": true, "named": false}
	decision := _emergency(["supervisor"], own)
	decision.level == "full"
	decision.reasons == ["emergency_access", "restricted_to_others"]
}

test_emergency_never_opens_what_is_sealed_or_shows_nothing if {
	_emergency(["supervisor"], {"handling": "C", "sealed": true}).level == "pointer"
	_emergency(["supervisor"], {"categories": ["victim"]}).level == "none"
	_emergency(["officer"], {"handling": "C"}).level == "pointer"
	_emergency(["emergency_access"], {"handling": "C"}).level == "none"
	unknown := _decide({
		"requester": {"roles": ["supervisor"]},
		"labels": [object.union(
			object.remove(_label, ["sealed"]),
			{"emergency": true, "handling": "C"},
		)],
	})
	unknown.reasons == ["label_unknown"]
}

_restricted := object.union(_label, {"owner": "kent", "restricted": true})

_emergency(roles, changes) := _decide({
	"requester": {"roles": roles},
	"labels": [object.union(_label, object.union({"emergency": true, "sealed": false}, changes))],
})

_shelter := {"tenant": "shelter", "kind": "partner", "roles": ["partner_caller"]}

_parties(role) := {"parties": [
	{"tenant": "essex", "role": "owner"},
	{"tenant": "kent", "role": role},
]}

test_a_partner_is_shown_what_an_agreement_with_it_allows if {
	requester := {"kind": "partner", "roles": ["partner_caller"]}
	shown := _decide({
		"requester": requester,
		"agreements": [object.union(_agreement, _parties("partner"))],
	})
	shown.level == "full"
	shown.groups == ["addresses", "contacts"]
	as_recipient := _decide({"requester": requester})
	as_recipient.reasons == ["no_agreement"]
	as_a_force := _decide({"agreements": [object.union(_agreement, _parties("partner"))]})
	as_a_force.reasons == ["no_agreement"]
}

test_a_partner_has_a_role_of_its_own_and_owns_nothing if {
	officer := _decide({"requester": {"kind": "partner", "roles": ["officer"]}})
	officer.reasons == ["role_sees_no_records"]
	named_like_a_force := _decide({
		"requester": {"kind": "partner", "roles": ["partner_caller"]},
		"labels": [object.union(_label, {"owner": "kent"})],
	})
	named_like_a_force.reasons == ["no_agreement"]
	suspended := _decide({"requester": _shelter})
	suspended.reasons == ["requester_suspended"]
}

test_a_partner_opens_nothing_in_an_emergency if {
	decision := _decide({
		"requester": {"kind": "partner", "roles": ["partner_caller", "supervisor"]},
		"agreements": [object.union(_agreement, _parties("partner"))],
		"labels": [object.union(_label, {"emergency": true, "handling": "C"})],
	})
	decision.level == "pointer"
}

test_data_quality_is_for_own_records if {
	requester := {"roles": ["records_manager"]}
	decision := _decide({"requester": requester, "purpose": "data_quality"})
	decision.reasons == ["data_quality_is_for_own_records"]
}

test_data_quality_needs_a_senior_role if {
	decision := _decide({"purpose": "data_quality"})
	decision.reasons == ["data_quality_needs_its_roles"]
}

test_data_quality_reads_own_records if {
	decision := _decide({
		"requester": {"roles": ["records_manager"]},
		"purpose": "data_quality",
		"labels": [object.union(_label, {"owner": "kent"})],
	})
	decision.level == "full"
}

test_summary_shows_no_group if {
	decision := _under({"purposes": {"investigation": {"level": "summary", "groups": []}}})
	decision.level == "summary"
	decision.groups == []
	count(decision.withheld) == 7
}

test_best_agreement_wins if {
	wider := object.union(_agreement, {
		"id": "3c1f0000-0000-4000-8000-000000000002",
		"reference": "ATH-ISA-T2",
		"purposes": {"investigation": {
			"level": "full",
			"groups": ["addresses", "contacts", "markers"],
		}},
	})
	_decide({"agreements": [_agreement, wider]}).agreement == wider.id
	_decide({"agreements": [wider, _agreement]}).agreement == wider.id
}

_lower_id := "00000000-0000-4000-8000-000000000000"

_other_id := "00000000-0000-4000-8000-000000000001"

test_what_is_no_day_denies if {
	every day in [
		null, 20310331, "", "tomorrow", "31/03/2031", "2031-3-31", "2031-02-29", "2031-02-30",
		"2031-13-01", "2031-00-01", "2031-01-00", "2031-04-31", "2100-02-29", "0000-01-01",
		"2031-03-31T00:00:00Z", " 2031-03-31", "２０３１-03-31",
	] {
		every field in ["dpia_expires", "review_due", "valid_to"] {
			_under({field: day}).level == "none"
		}
		_under({"valid_from": day}).level == "none"
		_under({"signatories": [{"tenant": "essex", "signed_on": day}]}).level == "none"
		_decide({"today": day}).level == "none"
	}
	every day in ["2028-02-29", "2096-02-29", "2400-02-29", "2031-12-31", "2031-02-28"] {
		_under({"valid_to": day}).level == "full"
	}
}

test_an_object_is_no_list if {
	_decide({"active": {"one": "kent", "two": "essex"}}).reasons == ["requester_suspended"]
	_decide({"purposes": {"one": "investigation"}}).reasons == ["purpose_unknown"]
	_decide({"requester": {"roles": {"one": "officer"}}}).reasons == ["role_sees_no_records"]
	_decide({"agreements": {"one": _agreement}}).reasons == ["no_agreement"]
	every field in ["parties", "record_classes", "signatories", "subject_categories"] {
		object := {format_int(place, 10): item | some place, item in _agreement[field]}
		_under({field: object}).level == "none"
	}
}

test_an_agreement_without_a_name_is_none if {
	every field in ["id", "reference"] {
		nameless := object.remove(_agreement, [field])
		_decide({"agreements": [nameless]}).reasons == ["no_agreement"]
		_decide({"agreements": [nameless, _agreement]}).level == "full"
	}
	_under({"id": "ATH"}).reasons == ["no_agreement"]
	_under({"reference": ""}).reasons == ["no_agreement"]
}

test_equal_agreements_go_by_reference_then_id if {
	later := object.union(_agreement, {"id": _lower_id, "reference": "ATH-ISA-T2"})
	_decide({"agreements": [later, _agreement]}).agreement == _agreement.id
	twin := object.union(_agreement, {"id": _lower_id})
	_decide({"agreements": [_agreement, twin]}).agreement == _lower_id
	_decide({"agreements": [_agreement, _agreement]}).agreement == _agreement.id
}

test_reasons_of_every_agreement_are_told if {
	suspended := object.union(_agreement, {"id": _lower_id, "status": "suspended"})
	other_class := object.union(_agreement, {"id": _other_id, "record_classes": ["custody"]})
	decision := _decide({"agreements": [suspended, other_class]})
	decision.reasons == ["agreement_suspended", "record_class_not_in_agreement"]
}

test_conditions_oblige if {
	decision := _of({"conditions": ["A1", "A2", "A3", "S1"]})
	decision.level == "full"
	decision.obligations == [
		"covert_development_only",
		"covert_use_only",
		"no_onward_sharing",
		"overt_use_permitted",
		"sanitise_under_delegated_authority",
	]
}

test_onward_sharing_lifts_the_obligation if _under({"onward_sharing": true}).obligations == []

_obliging(obligations) := _under({"purposes": {"investigation": {
	"level": "full",
	"groups": ["addresses"],
	"obligations": obligations,
}}})

test_the_agreements_obligations_are_passed_on if {
	_obliging(["watermark", "notify_owner", "extra_justification"]).obligations == [
		"extra_justification",
		"no_onward_sharing",
		"notify_owner",
		"watermark",
	]
	_obliging([]).obligations == ["no_onward_sharing"]
}

test_an_unknown_obligation_allows_nothing if {
	every obligations in [["dance"], ["watermark", "dance"], "watermark", null] {
		_obliging(obligations).reasons == ["purpose_not_in_agreement"]
	}
}
