# METADATA
# title: data leaves only to partners that were agreed on
# description: outgoing data goes to agreed partners, over an encrypted connection, without secrets
# custom:
#   version: 1
#   layer: organisation
#   priority: 40
#   when: { external: true, operation: [write, send] }
#   on_fault: block
#   alert: security
package checkrein.egress

partners := {"api.ledger.example", "mail.corp.example"}

secret_classes := {"api_key", "jwt", "credential"}

decisions contains {"verdict": "approve", "rule": "unknown-partner", "reason": reason} if {
	some destination in input.action.resource.destinations
	not known(host(destination))
	reason := sprintf("%s is no agreed partner", [host(destination)])
}

decisions contains {"verdict": "block", "rule": "cleartext", "reason": "data would leave unencrypted"} if {
	some destination in input.action.resource.destinations
	startswith(lower(destination), "http://")
}

decisions contains {"verdict": "block", "rule": "secret", "reason": "a secret would leave the estate"} if {
	some class in input.classes
	class in secret_classes
}

known(name) if name in partners

known(name) if endswith(name, ".partner.example")

# The host of a URL, the domain of an address, or the text itself.
host(destination) := lower(split(split(destination, "://")[1], "/")[0]) if contains(destination, "://")

host(destination) := lower(split(destination, "@")[1]) if {
	not contains(destination, "://")
	contains(destination, "@")
}

host(destination) := lower(destination) if {
	not contains(destination, "://")
	not contains(destination, "@")
}
