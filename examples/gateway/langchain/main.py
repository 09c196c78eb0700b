"""A LangChain agent behind Checkrein: its model's address and key are Checkrein's, the rest is as ever."""

import os

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

ran = []


@tool
def find_order(order: str) -> str:
    """Finds an order."""
    ran.append(f"find_order {order}")
    return f"order {order}: on its way"


@tool
def delete_order(order: str) -> str:
    """Deletes an order."""
    ran.append(f"delete_order {order}")
    return "deleted"


model = ChatOpenAI(
    model="gpt-mock", base_url=os.environ["CHECKREIN_URL"] + "/v1", api_key=os.environ["CHECKREIN_KEY"]
)
agent = create_agent(model, tools=[find_order, delete_order])


def ask(text):
    return agent.invoke({"messages": [{"role": "user", "content": text}]})["messages"][-1].content


print("answer:", ask("Where is A-17?"))
# The model says "As you wish" and wants to delete the order; what is said in place of the call comes last.
print("told:  ", ask("Forget A-17").splitlines()[-1].split(":")[0])
print("ran:   ", ran)
