"""An MCP client behind Checkrein: two servers at one address, and a rule about what leaves the house."""

import os

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


async def main():
    headers = {"authorization": "Bearer " + os.environ["CHECKREIN_KEY"]}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        where = streamable_http_client(os.environ["CHECKREIN_URL"] + "/mcp", http_client=http)
        async with Client(where) as client:
            tools = sorted(tool.name for tool in (await client.list_tools()).tools)
            print("tools: ", tools)
            note = await client.call_tool("files__read_note", {"name": "menu"})
            print("note:  ", note.content[0].text)
            try:
                await client.call_tool("mail__send_mail", {"to": "rival@other.example", "text": "the menu"})
            except MCPError as refused:
                print("refused with", refused.error.code)


anyio.run(main)
