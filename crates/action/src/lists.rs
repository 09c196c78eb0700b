//! The closed lists: one table each, walked by code, documentation and tests.
//!
//! Wire names are lower case with underscores. A new member is a change of the product's
//! language, so each list is an `enum` that is matched without a catch-all.

use serde::{Deserialize, Serialize};

/// Declares a closed list: the enum, its members in order, and their wire names.
macro_rules! closed_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $wire:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $wire)] $variant,)+ }

        impl $name {
            /// Every member, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The wire name.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $wire,)+ }
            }

            /// The member with this wire name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($wire => Some($name::$variant),)+ _ => None }
            }

            /// Position in the list, for tables indexed by it.
            pub const fn index(self) -> usize { self as usize }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

closed_list! {
    /// What family of target an action touches.
    ActionKind {
        Database = "database",
        ExternalCall = "external_call",
        File = "file",
        Workflow = "workflow",
        Payment = "payment",
        Communication = "communication",
        RecordChange = "record_change",
        PrivilegeChange = "privilege_change",
        Calendar = "calendar",
        McpTool = "mcp_tool",
        LlmCall = "llm_call",
    }
}

closed_list! {
    /// What the action would do to its target.
    Operation {
        Read = "read",
        Write = "write",
        Delete = "delete",
        Send = "send",
        Pay = "pay",
        Grant = "grant",
    }
}

closed_list! {
    /// Where the action would execute. Ordered from harmless to live.
    Environment {
        Development = "development",
        Staging = "staging",
        Production = "production",
    }
}

closed_list! {
    /// The answer, from mildest to strictest. When several apply, the strictest wins.
    Verdict {
        /// Runs as sent.
        Allow = "allow",
        /// Runs as sent; an alert is raised.
        Alert = "alert",
        /// Runs after redaction, clamping, redirection or throttling.
        Constrain = "constrain",
        /// Runs in isolation and commits nothing.
        Sandbox = "sandbox",
        /// Waits for a person.
        Approve = "approve",
        /// Never reaches the target.
        Block = "block",
    }
}

closed_list! {
    /// An effect on something already running. Not a verdict: it may go with any of them.
    Containment {
        TerminateSession = "terminate_session",
        QuarantineWorkload = "quarantine_workload",
        FreezeAgent = "freeze_agent",
    }
}

closed_list! {
    /// The twelve independent threat detections.
    Vector {
        PromptInjection = "prompt_injection",
        SqlInjection = "sql_injection",
        Xss = "xss",
        ExfiltrationVelocity = "exfiltration_velocity",
        Pii = "pii",
        KnownExploit = "known_exploit",
        ResourceExhaustion = "resource_exhaustion",
        PrivilegeEscalation = "privilege_escalation",
        SessionAnomaly = "session_anomaly",
        RateLimit = "rate_limit",
        PolicyViolation = "policy_violation",
        BehaviourAnomaly = "behaviour_anomaly",
    }
}

closed_list! {
    /// The seven dimensions of the risk score.
    Dimension {
        Action = "action",
        Agent = "agent",
        Temporal = "temporal",
        Environment = "environment",
        Behaviour = "behaviour",
        Compliance = "compliance",
        Sensitivity = "sensitivity",
    }
}

closed_list! {
    /// How much it matters. Ordered from least to most.
    Severity {
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

closed_list! {
    /// Where a text came from. Everything but `user` and `model` is untrusted content.
    Channel {
        User = "user",
        ToolOutput = "tool_output",
        Memory = "memory",
        Retrieved = "retrieved",
        Model = "model",
    }
}

closed_list! {
    /// How far a scope goes. `simulate` records what would have happened, `monitor` also alerts,
    /// `enforce` carries the verdict out.
    Mode {
        Simulate = "simulate",
        Monitor = "monitor",
        Enforce = "enforce",
    }
}

closed_list! {
    /// How much of the reason the caller is told.
    ExplainLevel {
        None = "none",
        Category = "category",
        Full = "full",
    }
}

closed_list! {
    /// Kinds of sensitive data.
    SensitiveClass {
        Card = "card",
        Ssn = "ssn",
        Passport = "passport",
        Email = "email",
        ApiKey = "api_key",
        Jwt = "jwt",
        Credential = "credential",
        Health = "health",
        Financial = "financial",
        Phone = "phone",
        Iban = "iban",
        IpAddress = "ip_address",
        NationalId = "national_id",
        Custom = "custom",
    }
}

closed_list! {
    /// How sensitive the data at hand is.
    Sensitivity {
        None = "none",
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}

closed_list! {
    /// What a constrain verdict changes.
    ConstrainKind {
        Redact = "redact",
        Clamp = "clamp",
        Redirect = "redirect",
        Throttle = "throttle",
    }
}

closed_list! {
    /// How a sensitive value is replaced. Ordered by how much of it is lost.
    RedactionMode {
        /// By a value of the same kind that means nothing.
        Synthetic = "synthetic",
        /// By a keyed hash with the name of its class: equal values stay equal.
        Hash = "hash",
        /// By stars.
        Mask = "mask",
    }
}

closed_list! {
    /// Where a rule is stated. Across layers the stricter verdict wins.
    Layer {
        Organisation = "organisation",
        Application = "application",
        Agent = "agent",
    }
}

closed_list! {
    /// What a string means to whoever consumes it. Detectors apply by meaning, not by look.
    SemanticType {
        FreeText = "free_text",
        SqlStatement = "sql_statement",
        SqlValue = "sql_value",
        Shell = "shell",
        Path = "path",
        Url = "url",
        Html = "html",
        Code = "code",
        Id = "id",
        /// A parameter whose meaning is not known.
        Value = "value",
    }
}

closed_list! {
    /// What happens when no decision, or no record of it, can be had in time.
    FailMode {
        /// The action passes unprotected; the pass is recorded and counted.
        Open = "open",
        /// The action is refused.
        Closed = "closed",
    }
}

closed_list! {
    /// How much content is kept.
    Capture {
        /// No byte of prompt, answer, argument or result.
        Metadata = "metadata",
        /// Content after redaction.
        Redacted = "redacted",
        /// Content as it was.
        Full = "full",
    }
}

closed_list! {
    /// Where an approval stands. All but the first are final.
    ApprovalState {
        Pending = "pending",
        Approved = "approved",
        Denied = "denied",
        Expired = "expired",
        Cancelled = "cancelled",
    }
}

closed_list! {
    /// What an operator is allowed. A person may hold several.
    AccessRole {
        Viewer = "viewer",
        Analyst = "analyst",
        Approver = "approver",
        PolicyAuthor = "policy_author",
        Operator = "operator",
        Auditor = "auditor",
        Admin = "admin",
    }
}

impl ApprovalState {
    pub const fn is_final(self) -> bool {
        !matches!(self, ApprovalState::Pending)
    }
}

impl Channel {
    /// Whether somebody other than the session's own user may have written it.
    pub const fn is_untrusted(self) -> bool {
        match self {
            Channel::ToolOutput | Channel::Memory | Channel::Retrieved => true,
            Channel::User | Channel::Model => false,
        }
    }
}

impl Operation {
    /// Whether the action changes something or sends something out.
    pub const fn has_effect(self) -> bool {
        match self {
            Operation::Read => false,
            Operation::Write | Operation::Delete | Operation::Send | Operation::Pay | Operation::Grant => {
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_sizes_the_product_promises() {
        assert_eq!(ActionKind::ALL.len(), 11);
        assert_eq!(Operation::ALL.len(), 6);
        assert_eq!(Verdict::ALL.len(), 6);
        assert_eq!(Vector::ALL.len(), 12);
        assert_eq!(Dimension::ALL.len(), 7);
        assert_eq!(Containment::ALL.len(), 3);
    }

    #[test]
    fn wire_names_round_trip_and_verdicts_are_ordered() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::parse(verdict.as_str()), Some(*verdict));
        }
        assert!(Verdict::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
