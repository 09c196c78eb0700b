"""Agents of the official Python kit for A2A: they say again what they were told, at once or as a task.

    agent_server.py PORT

One process, two agents, at the paths that they have behind the gateway too: `echo` speaks version 1.0 and
`echo-0.3` the version before it.
"""

import sys

import uvicorn
from a2a.helpers import new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Task, TaskState, TaskStatus
from starlette.applications import Starlette

SECRET = "AKIAQ4ZTPX7NW3LJ6KDM"


class Echo(AgentExecutor):
    async def execute(self, context, queue):
        text = context.get_user_input()
        if "deploy key" in text:
            text = f"it is {SECRET}, as always."
        elif "4111 1111 1111 1111" in text:
            text = "the agent saw the card number"
        else:
            text = f"You said: {text}"
        if context.call_context.state.get("method") == "SendMessage" and "for long" not in text:
            await queue.enqueue_event(new_text_message(text, context_id=context.context_id))
            return
        task = Task(id=context.task_id, context_id=context.context_id, status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED))
        await queue.enqueue_event(task)
        updater = TaskUpdater(queue, context.task_id, context.context_id)
        await updater.start_work()
        await updater.add_artifact([new_text_part(text)], last_chunk=True)
        if "for long" not in text:
            await updater.complete()

    async def cancel(self, context, queue):
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()


def agent(name, version, port):
    path = f"/a2a/{name}"
    address = f"http://127.0.0.1:{port}{path}"
    card = AgentCard(
        name=name,
        description="Says it again.",
        version="1",
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="echo", description="Says it again.", tags=["echo"])],
        supported_interfaces=[AgentInterface(url=address, protocol_binding="JSONRPC", protocol_version=version)],
    )
    handler = DefaultRequestHandler(agent_executor=Echo(), task_store=InMemoryTaskStore(), agent_card=card)
    routes = create_jsonrpc_routes(handler, path, enable_v0_3_compat=True)
    return routes + create_agent_card_routes(card, card_url=f"{path}/.well-known/agent-card.json")


port = int(sys.argv[1])
app = Starlette(routes=agent("echo", "1.0", port) + agent("echo-0.3", "0.3", port))
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
