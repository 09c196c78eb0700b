"""The official Python clients, each behind the same small face.

Reads jobs as JSON lines and writes what a program that uses the client would have seen: the text, the
tool calls, in how many pieces it came, or the client's own error. Nothing but address and key is set.
"""

import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOLS = {"get_weather": "tells the weather of a city", "drop_database": "removes a database"}


class Seen:
    """What came so far; kept when an error ends a stream."""

    def __init__(self):
        self.text, self.calls, self.pieces = "", [], 0
        self.ended = ""  # what the last event of a stream says of its end, where it failed

    def say(self, text):
        if text:
            self.text += text
            self.pieces += 1

    def call(self, name, arguments):
        if isinstance(arguments, str):
            arguments = json.loads(arguments or "{}")
        self.calls.append([name, arguments])


def openai_client(job):
    from openai import OpenAI

    return OpenAI(base_url=job["base"] + "/v1", api_key=job["key"])


def chat_tools():
    return [
        {"type": "function", "function": {"name": name, "description": about, "parameters": WEATHER}}
        for name, about in TOOLS.items()
    ]


def user(job):
    return [{"role": "user", "content": job["say"]}]


def openai_chat(job, seen):
    chat(openai_client(job), job, seen)


def azure_chat(job, seen):
    from openai import AzureOpenAI

    client = AzureOpenAI(azure_endpoint=job["base"], api_key=job["key"], api_version="2026-10-21")
    chat(client, job, seen)


def chat(client, job, seen):
    asked = {"model": job["model"], "messages": user(job)}
    if job["tools"]:
        asked["tools"] = chat_tools()
    if not job["stream"]:
        message = client.chat.completions.create(**asked).choices[0].message
        seen.say(message.content)
        for call in message.tool_calls or []:
            seen.call(call.function.name, call.function.arguments)
        return
    # The accumulating helper of the client, so that its own idea of a stream is tried too.
    with client.chat.completions.stream(**asked) as stream:
        for event in stream:
            if event.type == "content.delta":
                seen.say(event.delta)
        for call in stream.get_final_completion().choices[0].message.tool_calls or []:
            seen.call(call.function.name, call.function.arguments)


def openai_responses(job, seen):
    client = openai_client(job)
    asked = {"model": job["model"], "input": job["say"]}
    if job["tools"]:
        asked["tools"] = [
            {"type": "function", "name": name, "description": about, "parameters": WEATHER}
            for name, about in TOOLS.items()
        ]
    if job["stream"]:
        with client.responses.stream(**asked) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    seen.say(event.delta)
            response = stream.get_final_response()
    else:
        response = client.responses.create(**asked)
        seen.say(response.output_text)
    for item in response.output:
        if item.type == "function_call":
            seen.call(item.name, item.arguments)


def anthropic_messages(job, seen):
    from anthropic import Anthropic

    client = Anthropic(base_url=job["base"], api_key=job["key"])
    asked = {"model": job["model"], "max_tokens": 200, "messages": user(job)}
    if job["tools"]:
        asked["tools"] = [
            {"name": name, "description": about, "input_schema": WEATHER} for name, about in TOOLS.items()
        ]
    if job["stream"]:
        with client.messages.stream(**asked) as stream:
            for text in stream.text_stream:
                seen.say(text)
            message = stream.get_final_message()
    else:
        message = client.messages.create(**asked)
        for block in message.content:
            if block.type == "text":
                seen.say(block.text)
    for block in message.content:
        if block.type == "tool_use":
            seen.call(block.name, block.input)


def google_genai(job, seen):
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=job["key"], http_options=types.HttpOptions(base_url=job["base"]))
    config = None
    if job["tools"]:
        functions = [
            types.FunctionDeclaration(name=name, description=about, parameters_json_schema=WEATHER)
            for name, about in TOOLS.items()
        ]
        config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=functions)])
    asked = {"model": job["model"], "contents": job["say"], "config": config}
    if job["stream"]:
        answers = client.models.generate_content_stream(**asked)
    else:
        answers = [client.models.generate_content(**asked)]
    for answer in answers:
        for candidate in answer.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                if part.text:
                    seen.say(part.text)
                if part.function_call:
                    seen.call(part.function_call.name, part.function_call.args)


def bedrock(job, seen):
    import boto3

    where = {"endpoint_url": job["base"], "region_name": "us-east-1"}
    if job["base"].startswith("https:"):
        os.environ["AWS_BEARER_TOKEN_BEDROCK"] = job["key"]
        where["verify"] = job["ca"]
    else:
        # Without TLS this client signs and sends no key at all; for the mock provider that is enough.
        where |= {"aws_access_key_id": job["key"], "aws_secret_access_key": job["key"]}
    client = boto3.client("bedrock-runtime", **where)
    asked = {"modelId": job["model"], "messages": [{"role": "user", "content": [{"text": job["say"]}]}]}
    if job["tools"]:
        asked["toolConfig"] = {
            "tools": [
                {"toolSpec": {"name": name, "description": about, "inputSchema": {"json": WEATHER}}}
                for name, about in TOOLS.items()
            ]
        }
    if not job["stream"]:
        for block in client.converse(**asked)["output"]["message"]["content"]:
            seen.say(block.get("text"))
            if "toolUse" in block:
                seen.call(block["toolUse"]["name"], block["toolUse"]["input"])
        return
    begun = {}
    for event in client.converse_stream(**asked)["stream"]:
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            begun[start["contentBlockIndex"]] = [start["start"].get("toolUse", {}).get("name"), ""]
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]["delta"]
            seen.say(delta.get("text"))
            if "toolUse" in delta:
                begun[event["contentBlockDelta"]["contentBlockIndex"]][1] += delta["toolUse"]["input"]
    for name, arguments in begun.values():
        if name:
            seen.call(name, arguments)


def cohere_chat(job, seen):
    import cohere

    client = cohere.ClientV2(api_key=job["key"], base_url=job["base"], log_warning_experimental_features=False)
    asked = {"model": job["model"], "messages": user(job)}
    if job["tools"]:
        asked["tools"] = chat_tools()
    if not job["stream"]:
        message = client.chat(**asked).message
        for block in message.content or []:
            seen.say(block.text)
        for call in message.tool_calls or []:
            seen.call(call.function.name, call.function.arguments)
        return
    begun = {}
    for event in client.chat_stream(**asked):
        if event.type == "content-delta":
            seen.say(event.delta.message.content.text)
        elif event.type == "tool-call-start":
            function = event.delta.message.tool_calls.function
            begun[event.index] = [function.name, function.arguments or ""]
        elif event.type == "tool-call-delta":
            begun[event.index][1] += event.delta.message.tool_calls.function.arguments
        elif event.type == "message-end" and event.delta.finish_reason == "ERROR":
            seen.ended = event.delta.error
    for name, arguments in begun.values():
        seen.call(name, arguments)


def mistral_chat(job, seen):
    from mistralai.client import Mistral

    client = Mistral(api_key=job["key"], server_url=job["base"])
    asked = {"model": job["model"], "messages": user(job)}
    if job["tools"]:
        asked["tools"] = chat_tools()
    if not job["stream"]:
        message = client.chat.complete(**asked).choices[0].message
        seen.say(message.content)
        for call in message.tool_calls or []:
            seen.call(call.function.name, call.function.arguments)
        return
    begun = {}
    with client.chat.stream(**asked) as stream:
        for event in stream:
            for choice in event.data.choices:
                seen.say(choice.delta.content or "")
                for call in choice.delta.tool_calls or []:
                    one = begun.setdefault(call.index or 0, ["", ""])
                    one[0] += call.function.name or ""
                    one[1] += call.function.arguments if isinstance(call.function.arguments, str) else ""
    for name, arguments in begun.values():
        seen.call(name, arguments)


def ollama_chat(job, seen):
    import ollama

    client = ollama.Client(host=job["base"], headers={"authorization": "Bearer " + job["key"]})
    asked = {"model": job["model"], "messages": user(job), "stream": job["stream"]}
    if job["tools"]:
        asked["tools"] = chat_tools()
    answer = client.chat(**asked)
    for part in answer if job["stream"] else [answer]:
        seen.say(part.message.content)
        for call in part.message.tool_calls or []:
            seen.call(call.function.name, dict(call.function.arguments))


def mcp_call(job, seen):
    import anyio
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        headers = {"authorization": "Bearer " + job["key"]}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            async with Client(streamable_http_client(job["base"] + "/mcp", http_client=http)) as client:
                known = {tool.name for tool in (await client.list_tools()).tools}
                # Behind an endpoint for several servers a tool carries its server's name.
                tool = next(name for name in known if name.split("__")[-1] == job["tool"])
                result = await client.call_tool(tool, job["arguments"])
                for block in result.content:
                    seen.say(block.text)

    anyio.run(talk)


def agent_client(name):
    def talk(job, seen):
        import anyio
        import httpx
        from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
        from a2a.helpers import get_message_text, new_text_message
        from a2a.types import CancelTaskRequest, GetTaskRequest, Role, SendMessageConfiguration, SendMessageRequest, TaskState

        def hear(event):
            """Whatever has text in it; the name of a task."""
            if event.HasField("message"):
                seen.say(get_message_text(event.message))
            parts = event.artifact_update.artifact.parts if event.HasField("artifact_update") else []
            for artifact in event.task.artifacts:
                parts = [*parts, *artifact.parts]
            for part in parts:
                seen.say(part.text)
            return event.task.id

        async def main():
            headers = {"authorization": "Bearer " + job["key"]}
            async with httpx.AsyncClient(headers=headers, timeout=60, verify=job.get("ca") or True) as http:
                card = await A2ACardResolver(http, f"{job['base']}/a2a/{name}").get_agent_card()
                # What the card says is gone by, and by nothing else.
                config = ClientConfig(httpx_client=http, streaming=job["stream"], polling="for long" in job["say"])
                client = ClientFactory(config).create(card)
                message = new_text_message(job["say"], role=Role.ROLE_USER)
                tasks = [hear(event) async for event in client.send_message(SendMessageRequest(message=message))]
                if "for long" in job["say"]:
                    task = await client.get_task(GetTaskRequest(id=tasks[0]))
                    seen.call("got", {"state": TaskState.Name(task.status.state)})
                    task = await client.cancel_task(CancelTaskRequest(id=tasks[0]))
                    seen.call("cancelled", {"state": TaskState.Name(task.status.state)})

        anyio.run(main)

    return talk


CLIENTS = {
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
    "openai-azure": azure_chat,
    "anthropic": anthropic_messages,
    "google-genai": google_genai,
    "bedrock": bedrock,
    "cohere": cohere_chat,
    "mistral": mistral_chat,
    "ollama": ollama_chat,
    "mcp": mcp_call,
    "a2a": agent_client("echo"),
    "a2a-03": agent_client("echo-0.3"),
}


def status(error):
    """The status that the client's error carries, whatever it calls it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # boto3
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for name in ("status_code", "code"):
        if isinstance(getattr(error, name, None), int):
            return getattr(error, name)
    return None


def words(error):
    """What the client's error says, with the body that some keep beside their sentence."""
    body = getattr(error, "body", None)
    said = str(error)
    return said if not isinstance(body, str) or body in said else f"{said}\n{body}"


def named(error):
    """The name by which a program catches it; boto3 makes its classes from the service's words."""
    while len(getattr(error, "exceptions", ())) == 1:
        error = error.exceptions[0]
    return error, type(error).__name__


def main():
    # Answers go where nothing that a client prints can get between.
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        job = json.loads(line)
        seen, told, start = Seen(), {}, time.monotonic()
        try:
            CLIENTS[job["client"]](job, seen)
        except BaseException as caught:  # whatever it is, it is what the program would have seen
            error, name = named(caught)
            told = {"error": name, "status": status(error), "message": words(error)[:4000]}
        told |= {"text": seen.text, "calls": seen.calls, "pieces": seen.pieces, "ended": seen.ended}
        told["seconds"] = round(time.monotonic() - start, 3)
        print(json.dumps(told), file=out, flush=True)


main()
