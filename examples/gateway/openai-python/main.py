"""The OpenAI client for Python behind Checkrein: address and key are Checkrein's, the rest is as ever."""

import os

from openai import OpenAI, PermissionDeniedError

client = OpenAI(base_url=os.environ["CHECKREIN_URL"] + "/v1", api_key=os.environ["CHECKREIN_KEY"])


def ask(text, **more):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="gpt-mock", messages=messages, **more)


print("answer:", ask("Where is order A-17?").choices[0].message.content)

words = [part.choices[0].delta.content or "" for part in ask("Tell me about soup.", stream=True)]
print("stream:", "".join(words))

# The provider gets a stand-in for the number and the program its number again.
print("card:  ", ask("Is 4111 1111 1111 1111 a valid card?").choices[0].message.content)

try:
    ask("Where does nightjar live?")
except PermissionDeniedError as refused:
    print("refused with", refused.status_code)
