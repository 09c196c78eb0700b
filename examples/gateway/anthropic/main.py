"""The Anthropic client for Python behind Checkrein: address and key are Checkrein's, the rest is as ever."""

import os

from anthropic import Anthropic, PermissionDeniedError

client = Anthropic(base_url=os.environ["CHECKREIN_URL"], api_key=os.environ["CHECKREIN_KEY"])
DELETE = {
    "name": "delete_order",
    "description": "deletes an order",
    "input_schema": {"type": "object", "properties": {"order": {"type": "string"}}},
}


def asked(text):
    return {"model": "claude-mock", "max_tokens": 200, "messages": [{"role": "user", "content": text}]}


print("answer:", client.messages.create(**asked("Where is order A-17?")).content[0].text)

with client.messages.stream(**asked("Tell me about soup.")) as stream:
    print("stream:", "".join(stream.text_stream))

# The provider gets a stand-in for the number and the program its number again.
print("card:  ", client.messages.create(**asked("Is 4111 1111 1111 1111 a valid card?")).content[0].text)

# The model wants to call a tool that no rule lets it call: a sentence that says so stands in its place.
answer = client.messages.create(**asked("Please clean up"), tools=[DELETE])
print("calls: ", [block.name for block in answer.content if block.type == "tool_use"])
print("told:  ", answer.content[-1].text.split(":")[0])

try:
    client.messages.create(**asked("Where does nightjar live?"))
except PermissionDeniedError as refused:
    print("refused with", refused.status_code)
