"""The Ollama client for Python behind Checkrein: a model on one's own machine, the same rules."""

import os

import ollama

key = os.environ["CHECKREIN_KEY"]
client = ollama.Client(host=os.environ["CHECKREIN_URL"], headers={"authorization": f"Bearer {key}"})


def ask(text, **more):
    return client.chat(model="llama-mock", messages=[{"role": "user", "content": text}], **more)


print("answer:", ask("Where is order A-17?").message.content)
print("stream:", "".join(part.message.content for part in ask("Tell me about soup.", stream=True)))

# The model gets a stand-in for the number and the program its number again.
print("card:  ", ask("Is 4111 1111 1111 1111 a valid card?").message.content)

try:
    ask("Where does nightjar live?")
except ollama.ResponseError as refused:
    print("refused with", refused.status_code)
