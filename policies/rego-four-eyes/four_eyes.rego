# METADATA
# title: nobody approves a payment that they asked for
# custom:
#   layer: organisation
#   priority: 30
#   when: { operation: pay, amount: { at_least: 5000 } }
package checkrein.four_eyes

decisions contains {"verdict": "block", "rule": "same-person", "reason": "requested and approved by one person"} if {
	lower(input.action.payload.approved_by) == lower(input.action.payload.requested_by)
}

decisions contains {"verdict": "approve", "rule": "nobody-approved", "reason": "a large payment needs an approver"} if {
	not input.action.payload.approved_by
}

# An approval is good for a day.
decisions contains {"verdict": "approve", "rule": "stale", "reason": "the approval is older than a day"} if {
	approved := time.parse_rfc3339_ns(input.action.payload.approved_at)
	time.now_ns() - approved > ((24 * 60) * 60) * 1000000000
}
