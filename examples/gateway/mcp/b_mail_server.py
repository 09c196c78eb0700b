"""A server that sends mail, written with the official kit: b_mail_server.py PORT"""

import sys

from mcp.server import MCPServer

server = MCPServer("mail")


@server.tool()
def send_mail(to: str, text: str) -> str:
    """Sends a mail."""
    return f"sent to {to}"


server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
