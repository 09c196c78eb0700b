known := {"a.example", "b.example"}

decisions contains {"verdict": "block", "rule": "unknown", "reason": reason} if {
	some to in input.action.resource.destinations
	not host(to) in known
	reason := sprintf("%s is unknown", [host(to)])
}

host(to) := lower(split(split(to, "://")[1], "/")[0]) if contains(to, "://")
