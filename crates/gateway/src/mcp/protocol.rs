//! What differs between the protocols that this story speaks: what their messages do, and the words for it.

use action::{ActionKind, Operation};

/// One protocol.
#[derive(Debug)]
pub struct Protocol {
    /// The kind of every message that goes out.
    pub kind: ActionKind,
    /// What methods do where they call no tool: the method, the operation, the resource. All others count as
    /// writes.
    pub methods: &'static [(&'static str, Operation, &'static str)],
    /// The resource of a method that is not in the table.
    pub message: &'static str,
    /// That of what is no message: opening a stream, ending a session, asking who somebody is.
    pub session: &'static str,
    /// Where the headers of the protocol begin, which go on.
    pub headers: &'static str,
    /// A method of it calls tools, which have definitions.
    pub has_tools: bool,
}

#[rustfmt::skip]
pub static MCP: Protocol = Protocol {
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
    headers: "mcp-",
    has_tools: true,
};

/// The names of version 0.3, and those of 1.0.
#[rustfmt::skip]
pub static A2A: Protocol = Protocol {
    kind: ActionKind::Communication,
    methods: &[
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
    headers: "a2a-",
    has_tools: false,
};
