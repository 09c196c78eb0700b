//! What differs between the protocols that this story speaks: what their messages do, and the words for it.

use action::{ActionKind, Operation};
use http::HeaderName;
use wire::refuse::{self, Why};

/// One protocol.
#[derive(Debug)]
pub struct Protocol {
    /// What findings of it begin with.
    pub name: &'static str,
    /// The kind of every message that goes out.
    pub kind: ActionKind,
    /// What methods do where they call no tool: the method, the operation, the resource. All others count as
    /// writes.
    pub methods: &'static [(&'static str, Operation, &'static str)],
    /// The resource of a method that is not in the table.
    pub message: &'static str,
    /// That of what is no message: opening a stream, ending a session, asking who somebody is.
    pub session: &'static str,
    /// Headers of the protocol, which go on; of some only the beginning is known.
    pub headers: &'static [&'static str],
    /// The numbers of its errors.
    pub number: fn(Why) -> i32,
    /// Under which parameter a caller comes back with its receipt.
    pub notes: &'static str,
    /// A method of it calls tools, which have definitions, and servers may ask something back.
    pub has_tools: bool,
    /// One request has many answers in a stream, of which the first is not the end.
    pub answers_on: bool,
}

impl Protocol {
    pub fn is_header(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        self.headers.iter().any(|known| name == *known || known.ends_with('-') && name.starts_with(known))
    }
}

#[rustfmt::skip]
pub static MCP: Protocol = Protocol {
    name: "mcp",
    kind: ActionKind::McpTool,
    methods: &[
        ("initialize",                            Operation::Read,  "mcp_session"),
        ("ping",                                  Operation::Read,  "mcp_session"),
        ("server/discover",                       Operation::Read,  "mcp_session"),
        ("subscriptions/listen",                  Operation::Read,  "mcp_session"),
        ("logging/setLevel",                      Operation::Read,  "mcp_session"),
        ("notifications/initialized",             Operation::Read,  "mcp_session"),
        ("notifications/cancelled",               Operation::Read,  "mcp_session"),
        ("notifications/progress",                Operation::Read,  "mcp_session"),
        ("notifications/roots/list_changed",      Operation::Read,  "mcp_session"),
        ("tools/list",                            Operation::Read,  "mcp_catalogue"),
        ("prompts/list",                          Operation::Read,  "mcp_catalogue"),
        ("resources/list",                        Operation::Read,  "mcp_catalogue"),
        ("resources/templates/list",              Operation::Read,  "mcp_catalogue"),
        ("resources/read",                        Operation::Read,  "resource"),
        ("resources/subscribe",                   Operation::Read,  "resource"),
        ("resources/unsubscribe",                 Operation::Read,  "resource"),
        ("prompts/get",                           Operation::Read,  "prompt"),
        ("completion/complete",                   Operation::Read,  "completion"),
        ("tasks/get",                             Operation::Read,  "mcp_task"),
        ("tasks/list",                            Operation::Read,  "mcp_task"),
        ("tasks/result",                          Operation::Read,  "mcp_task"),
        ("tasks/cancel",                          Operation::Write, "mcp_task"),
    ],
    message: "mcp_message",
    session: "mcp_session",
    headers: &["mcp-"],
    number: refuse::number_in_mcp,
    notes: "_meta",
    has_tools: true,
    answers_on: false,
};

/// The names of version 0.1, those of 0.2 and 0.3, and those of 1.0.
#[rustfmt::skip]
pub static A2A: Protocol = Protocol {
    name: "a2a",
    kind: ActionKind::Communication,
    methods: &[
        ("tasks/send",                            Operation::Send,  "agent_message"),
        ("tasks/sendSubscribe",                   Operation::Send,  "agent_message"),
        ("tasks/pushNotification/get",            Operation::Read,  "agent_callback"),
        ("tasks/pushNotification/set",            Operation::Send,  "agent_callback"),
        ("message/send",                          Operation::Send,  "agent_message"),
        ("message/stream",                        Operation::Send,  "agent_message"),
        ("tasks/get",                             Operation::Read,  "agent_task"),
        ("tasks/list",                            Operation::Read,  "agent_task"),
        ("tasks/resubscribe",                     Operation::Read,  "agent_task"),
        ("tasks/cancel",                          Operation::Write, "agent_task"),
        ("tasks/pushNotificationConfig/get",      Operation::Read,  "agent_callback"),
        ("tasks/pushNotificationConfig/list",     Operation::Read,  "agent_callback"),
        // Where an agent is told to send what it finds is a way out.
        ("tasks/pushNotificationConfig/set",      Operation::Send,  "agent_callback"),
        ("tasks/pushNotificationConfig/delete",   Operation::Write, "agent_callback"),
        ("SendMessage",                           Operation::Send,  "agent_message"),
        ("SendStreamingMessage",                  Operation::Send,  "agent_message"),
        ("GetTask",                               Operation::Read,  "agent_task"),
        ("ListTasks",                             Operation::Read,  "agent_task"),
        ("SubscribeToTask",                       Operation::Read,  "agent_task"),
        ("CancelTask",                            Operation::Write, "agent_task"),
        ("GetTaskPushNotificationConfig",         Operation::Read,  "agent_callback"),
        ("ListTaskPushNotificationConfigs",       Operation::Read,  "agent_callback"),
        ("CreateTaskPushNotificationConfig",      Operation::Send,  "agent_callback"),
        ("DeleteTaskPushNotificationConfig",      Operation::Write, "agent_callback"),
    ],
    message: "agent_message",
    session: "agent_card",
    // The last is what extensions had before 1.0.
    headers: &["a2a-version", "a2a-extensions", "x-a2a-extensions"],
    number: refuse::number_in_a2a,
    notes: "metadata",
    has_tools: false,
    answers_on: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_protocol_go_on_and_no_others() {
        for (protocol, name, goes) in [
            (&MCP, "mcp-protocol-version", true),
            (&MCP, "mcp-param-region", true),
            (&MCP, "a2a-version", false),
            (&A2A, "a2a-version", true),
            (&A2A, "x-a2a-extensions", true),
            (&A2A, "a2a-version-note", false),
            (&A2A, "x-checkrein-chain", false),
        ] {
            assert_eq!(protocol.is_header(&HeaderName::from_static(name)), goes, "{name}");
        }
    }

    #[test]
    fn no_method_stands_twice_and_every_kind_of_it_has_a_name() {
        for protocol in [&MCP, &A2A] {
            for (n, (method, _, resource)) in protocol.methods.iter().enumerate() {
                assert!(protocol.methods.iter().take(n).all(|(other, ..)| other != method), "{method}");
                assert!(action::Name::new(resource).is_ok(), "{method}");
            }
            assert!(
                action::Name::new(protocol.message).is_ok() && action::Name::new(protocol.session).is_ok()
            );
        }
    }
}
