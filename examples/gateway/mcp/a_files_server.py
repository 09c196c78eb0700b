"""A server with notes, written with the official kit: a_files_server.py PORT"""

import sys

from mcp.server import MCPServer

server = MCPServer("files")


@server.tool()
def read_note(name: str) -> str:
    """Reads a note."""
    return f"{name}: leek soup"


server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
