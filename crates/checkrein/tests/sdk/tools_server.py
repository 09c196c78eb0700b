"""An MCP server of the official Python kit: the tools that the clients' tests call.

    tools_server.py PORT
"""

import sys

from mcp.server import MCPServer

server = MCPServer("tools")


@server.tool()
def echo(text: str) -> str:
    """Says it again."""
    return "the tool saw the card number" if "4111 1111 1111 1111" in text else f"You said: {text}"


@server.tool()
def drop_database(text: str) -> str:
    """Removes a database."""
    return f"dropped: {text}"


@server.tool()
def pay_invoice(text: str) -> str:
    """Pays an invoice."""
    return f"paid: {text}"


server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
