"""The table: which clients there are, what they are asked to do, and what they must see.

An expectation is a function of what a driver saw; it gives back what is wrong, or nothing.
"""

CARD = "4111 1111 1111 1111"
SECRET = "AKIAQ4ZTPX7NW3LJ6KDM"


class Client:
    def __init__(self, name, model, refused, spent, stranger, kind="model", node=None, tls=(), words=None, mute=(), languages=("python", "node")):
        self.languages = languages
        self.name, self.model, self.kind = name, model, kind
        # The client's own errors: its class, and the status that it carries.
        self.errors = {"refused": refused, "spent": spent, "stranger": stranger}
        self.node = node or {}
        self.tls = tls  # in which languages it sends its key over TLS only
        self.words = words or {}  # what it says instead in a case
        self.mute = mute  # in which languages its error about a begun stream says nothing of the reason

    def error(self, language, why):
        return (self.node if language == "node" else {}).get(why, self.errors[why])


OPENAI = (("PermissionDeniedError", 403), ("RateLimitError", 429), ("AuthenticationError", 401))
GOOGLE = (("ClientError", 403), ("ClientError", 429), ("ClientError", 401))
GOOGLE_NODE = {why: ("ApiError", status) for why, status in (("refused", 403), ("spent", 429), ("stranger", 401))}
AMAZON = (("AccessDeniedException", 403), ("ThrottlingException", 429), ("ClientError", 401))
COHERE = (("ForbiddenError", 403), ("TooManyRequestsError", 429), ("UnauthorizedError", 401))
MISTRAL = (("SDKError", 403), ("SDKError", 429), ("SDKError", 401))
OLLAMA = (("ResponseError", 403), ("ResponseError", 429), ("ResponseError", 401))
MCP = (("MCPError", -32003), ("MCPError", -32029), ("MCPError", -32001))
MCP_NODE = {"refused": ("McpError", -32003), "spent": ("McpError", -32029), "stranger": ("StreamableHTTPError", 401)}

# The kit for agents has one error for numbers that the protocol gives no meaning to. It asks for a card first,
# which an unknown caller is not given.
AGENT = (("A2AClientError", None), ("A2AClientError", None), ("AgentCardResolutionError", 401))

CLIENTS = [
    Client("openai-chat", "gpt-mock", *OPENAI),
    Client("openai-responses", "gpt-mock", *OPENAI),
    Client("openai-azure", "gpt-azure", *OPENAI),
    Client("anthropic", "claude-mock", *OPENAI),
    Client("google-genai", "gemini-mock", *GOOGLE, node=GOOGLE_NODE),
    Client("bedrock", "amazon.mock", *AMAZON, tls=["python"], node={"stranger": ("UnrecognizedClientException", 401)}),
    Client("cohere", "command-mock", *COHERE),
    # This provider sends a tool call whole, and its clients insist on it. They have no error for a begun
    # stream: an event that is one does not fit, and the client for Node keeps to itself what came instead.
    Client("mistral", "mistral-mock", *MISTRAL, words={"tool call": "Tell me the weather at once"}, mute=["node"]),
    Client("ollama", "llama-mock", *OLLAMA),
    Client("mcp", "", *MCP, kind="mcp", node=MCP_NODE),
    # The kit speaks both versions of the protocol by one face; the agent's card says which.
    Client("a2a", "", *AGENT, kind="a2a", languages=["python"]),
    Client("a2a-03", "", *AGENT, kind="a2a", languages=["python"]),
]


def says(text):
    def look(seen, job, client, language):
        if seen.get("error"):
            return told(seen)
        if seen["text"] != text:
            return f"the text is {seen['text']!r}"
        if job.get("stream") and client.kind == "model" and seen["pieces"] < 2:
            return "the stream came in one piece"
        return None

    return look


def calls(name, arguments):
    def look(seen, job, client, language):
        if seen.get("error"):
            return told(seen)
        return None if seen["calls"] == [[name, arguments]] else f"the calls are {seen['calls']}"

    return look


def fails(why):
    def look(seen, job, client, language):
        name, status = client.error(language, why)
        if not seen.get("error"):
            return f"no error, but {seen['text']!r}"
        if seen["error"] != name or (status is not None and seen["status"] != status):
            return f"not `{name}` with {status}, but {told(seen)}"
        # No refusal repeats what was refused.
        return "the error repeats the prompt" if job["say"] in seen["message"] else None

    return look


def declined(seen, job, client, language):
    """A stream is open by the time a person says no: no status is left, and its last event says why. Clients
    that take no event for an error see it, and then the connection breaks."""
    if not job["stream"]:
        return fails("refused")(seen, job, client, language)
    if not seen.get("error") or seen["text"]:
        return f"no error, but {seen['text']!r}"
    says_why = "not approved" in seen["message"] + seen["ended"]
    return None if says_why or language in client.mute else told(seen)


def without_call(name):
    """The call is not there, and the client is told something instead: in words, or as an error."""

    def look(seen, job, client, language):
        if any(call[0] == name for call in seen["calls"]):
            return "the call came through"
        return None if seen["text"] or seen.get("error") else "the call is gone and nothing says why"

    return look


def without_text(secret, kept):
    def look(seen, job, client, language):
        if secret in seen["text"] or secret in seen.get("message", ""):
            return "the secret came through"
        if seen.get("error"):
            return told(seen)
        return None if kept in seen["text"] else f"the text is {seen['text']!r}"

    return look


def works(seen, job, client, language):
    """A task that is asked about, and ended."""
    if seen.get("error"):
        return told(seen)
    wanted = [["got", {"state": "TASK_STATE_WORKING"}], ["cancelled", {"state": "TASK_STATE_CANCELED"}]]
    return None if seen["calls"] == wanted else f"the task went by {seen['calls']}"


def told(seen):
    return f"`{seen['error']}` with {seen['status']}: {seen['message'][:200]}"


class Case:
    def __init__(self, name, expect, *, say="", tools=False, direct=False, agent="known", approve=None, call=None):
        self.name, self.expect, self.say, self.tools = name, expect, say, tools
        self.direct = direct  # also tried against the mock itself, to prove the client
        self.agent = agent  # known, spent or stranger
        self.approve = approve  # what a person says while the client waits
        self.call = call  # the tool of an MCP row


HELLO = "Which soup is on the menu today?"
PAY_CARD = f"Is {CARD} a valid card?"
PAYROLL = "When is payroll due?"

# Each is asked plain and streamed.
MODEL = [
    Case("plain", says(f"You said: {HELLO}"), say=HELLO, direct=True),
    Case("tool call", calls("get_weather", {"city": "Lima"}), say="Tell me the weather", tools=True, direct=True),
    Case("blocked", fails("refused"), say="Where does nightjar live?"),
    Case("redacted", says(f"You said: {PAY_CARD}"), say=PAY_CARD),
    Case("held, approved", says(f"You said: {PAYROLL}"), say=PAYROLL, approve="approve"),
    Case("held, denied", declined, say=PAYROLL + " And who says so?", approve="deny"),
    Case("call blocked", without_call("drop_database"), say="Please clean up", tools=True),
    Case("key in answer", without_text(SECRET, "for the deploy, as always."), say="What was the deploy key?"),
    Case("budget spent", fails("spent"), say=HELLO, agent="spent"),
    Case("unknown key", fails("stranger"), say=HELLO, agent="stranger"),
]

MCP_CASES = [
    Case("plain", says("You said: soup"), say="soup", call="echo", direct=True),
    Case("blocked", fails("refused"), say="all of them", call="drop_database"),
    # For good: a tool acts on what it gets, so it gets no invented number that could be put back.
    Case("redacted", says("You said: **** **** **** 1111"), say=CARD, call="echo"),
    Case("held, approved", says("paid: A-17"), say="A-17", call="pay_invoice", approve="approve"),
    Case("held, denied", declined, say="A-18", call="pay_invoice", approve="deny"),
    Case("unknown key", fails("stranger"), say="soup", call="echo", agent="stranger"),
]


AGENT_CASES = [
    Case("plain", says(f"You said: {HELLO}"), say=HELLO, direct=True),
    Case("task", works, say="Take your time, for long", direct=True),
    Case("blocked", fails("refused"), say="Where does nightjar live?"),
    # For good, too: an agent acts on what it is told.
    Case("redacted", says("You said: Is **** **** **** 1111 a valid card?"), say=PAY_CARD),
    Case("held, approved", says(f"You said: {PAYROLL}"), say=PAYROLL, approve="approve"),
    Case("held, denied", fails("refused"), say=PAYROLL + " And who says so?", approve="deny"),
    Case("key in answer", without_text(SECRET, "as always."), say="What was the deploy key?"),
    Case("unknown key", fails("stranger"), say=HELLO, agent="stranger"),
]


def rows(client):
    """Every row of one client: case, streamed or not."""
    if client.kind == "mcp":
        return [(case, False) for case in MCP_CASES]
    if client.kind == "a2a":
        return [(case, stream) for case in AGENT_CASES for stream in (False, True) if case.expect is not works or not stream]
    return [(case, stream) for case in MODEL for stream in (False, True)]
