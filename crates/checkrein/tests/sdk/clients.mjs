// The official Node clients, each behind the same small face; the twin of clients.py.

import { createInterface } from "node:readline";

const WEATHER = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const TOOLS = { get_weather: "tells the weather of a city", drop_database: "removes a database" };

class Seen {
  text = "";
  calls = [];
  pieces = 0;
  // What the last event of a stream says of its end, where it failed.
  ended = "";

  say(text) {
    if (text) {
      this.text += text;
      this.pieces += 1;
    }
  }

  call(name, args) {
    this.calls.push([name, typeof args === "string" ? JSON.parse(args || "{}") : args]);
  }
}

const tools = (shape) => Object.entries(TOOLS).map(([name, description]) => shape(name, description));
const chatTools = () =>
  tools((name, description) => ({ type: "function", function: { name, description, parameters: WEATHER } }));
const user = (job) => [{ role: "user", content: job.say }];

async function openai(job) {
  const { default: OpenAI } = await import("openai");
  return new OpenAI({ baseURL: job.base + "/v1", apiKey: job.key });
}

async function chat(client, job, seen) {
  const asked = { model: job.model, messages: user(job) };
  if (job.tools) asked.tools = chatTools();
  let message;
  if (job.stream) {
    const stream = client.chat.completions.stream(asked);
    stream.on("content", (delta) => seen.say(delta));
    message = (await stream.finalChatCompletion()).choices[0].message;
  } else {
    message = (await client.chat.completions.create(asked)).choices[0].message;
    seen.say(message.content);
  }
  for (const call of message.tool_calls ?? []) seen.call(call.function.name, call.function.arguments);
}

async function azure(job, seen) {
  const { AzureOpenAI } = await import("openai");
  const client = new AzureOpenAI({ endpoint: job.base, apiKey: job.key, apiVersion: "2026-10-21" });
  await chat(client, job, seen);
}

async function responses(job, seen) {
  const client = await openai(job);
  const asked = { model: job.model, input: job.say };
  if (job.tools) {
    asked.tools = tools((name, description) => ({ type: "function", name, description, parameters: WEATHER }));
  }
  let response;
  if (job.stream) {
    const stream = client.responses.stream(asked);
    for await (const event of stream) {
      if (event.type === "response.output_text.delta") seen.say(event.delta);
    }
    response = await stream.finalResponse();
  } else {
    response = await client.responses.create(asked);
    seen.say(response.output_text);
  }
  for (const item of response.output) {
    if (item.type === "function_call") seen.call(item.name, item.arguments);
  }
}

async function anthropic(job, seen) {
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  const client = new Anthropic({ baseURL: job.base, apiKey: job.key });
  const asked = { model: job.model, max_tokens: 200, messages: user(job) };
  if (job.tools) asked.tools = tools((name, description) => ({ name, description, input_schema: WEATHER }));
  let message;
  if (job.stream) {
    const stream = client.messages.stream(asked);
    stream.on("text", (delta) => seen.say(delta));
    message = await stream.finalMessage();
  } else {
    message = await client.messages.create(asked);
    for (const block of message.content) if (block.type === "text") seen.say(block.text);
  }
  for (const block of message.content) if (block.type === "tool_use") seen.call(block.name, block.input);
}

async function google(job, seen) {
  const { GoogleGenAI } = await import("@google/genai");
  const client = new GoogleGenAI({ apiKey: job.key, httpOptions: { baseUrl: job.base } });
  const asked = { model: job.model, contents: job.say };
  if (job.tools) {
    const functionDeclarations = tools((name, description) => ({ name, description, parametersJsonSchema: WEATHER }));
    asked.config = { tools: [{ functionDeclarations }] };
  }
  const answers = job.stream
    ? await client.models.generateContentStream(asked)
    : [await client.models.generateContent(asked)];
  for await (const answer of answers) {
    for (const part of answer.candidates?.flatMap((one) => one.content?.parts ?? []) ?? []) {
      if (part.text) seen.say(part.text);
      if (part.functionCall) seen.call(part.functionCall.name, part.functionCall.args);
    }
  }
}

async function bedrock(job, seen) {
  const aws = await import("@aws-sdk/client-bedrock-runtime");
  process.env.AWS_BEARER_TOKEN_BEDROCK = job.key;
  const client = new aws.BedrockRuntimeClient({ region: "us-east-1", endpoint: job.base });
  const asked = { modelId: job.model, messages: [{ role: "user", content: [{ text: job.say }] }] };
  if (job.tools) {
    asked.toolConfig = {
      tools: tools((name, description) => ({ toolSpec: { name, description, inputSchema: { json: WEATHER } } })),
    };
  }
  if (!job.stream) {
    const answer = await client.send(new aws.ConverseCommand(asked));
    for (const block of answer.output.message.content) {
      seen.say(block.text);
      if (block.toolUse) seen.call(block.toolUse.name, block.toolUse.input);
    }
    return;
  }
  const begun = new Map();
  const answer = await client.send(new aws.ConverseStreamCommand(asked));
  for await (const event of answer.stream) {
    const start = event.contentBlockStart;
    if (start?.start?.toolUse) begun.set(start.contentBlockIndex, [start.start.toolUse.name, ""]);
    const delta = event.contentBlockDelta;
    seen.say(delta?.delta?.text);
    if (delta?.delta?.toolUse) begun.get(delta.contentBlockIndex)[1] += delta.delta.toolUse.input;
  }
  for (const [name, args] of begun.values()) seen.call(name, args);
}

async function cohere(job, seen) {
  const { CohereClientV2 } = await import("cohere-ai");
  const client = new CohereClientV2({ token: job.key, environment: job.base });
  const asked = { model: job.model, messages: user(job) };
  if (job.tools) asked.tools = chatTools();
  if (!job.stream) {
    const { message } = await client.chat(asked);
    for (const block of message.content ?? []) seen.say(block.text);
    for (const call of message.toolCalls ?? []) seen.call(call.function.name, call.function.arguments);
    return;
  }
  const begun = new Map();
  for await (const event of await client.chatStream(asked)) {
    if (event.type === "content-delta") seen.say(event.delta.message.content.text);
    if (event.type === "tool-call-start") {
      const { name, arguments: args } = event.delta.message.toolCalls.function;
      begun.set(event.index, [name, args ?? ""]);
    }
    if (event.type === "tool-call-delta") {
      begun.get(event.index)[1] += event.delta.message.toolCalls.function.arguments;
    }
    if (event.type === "message-end" && event.delta.finishReason === "ERROR") seen.ended = event.delta.error;
  }
  for (const [name, args] of begun.values()) seen.call(name, args);
}

async function mistral(job, seen) {
  const { Mistral } = await import("@mistralai/mistralai");
  const client = new Mistral({ apiKey: job.key, serverURL: job.base });
  const asked = { model: job.model, messages: user(job) };
  if (job.tools) asked.tools = chatTools();
  if (!job.stream) {
    const { message } = (await client.chat.complete(asked)).choices[0];
    seen.say(message.content);
    for (const call of message.toolCalls ?? []) seen.call(call.function.name, call.function.arguments);
    return;
  }
  const begun = new Map();
  for await (const event of await client.chat.stream(asked)) {
    for (const { delta } of event.data.choices) {
      seen.say(delta.content);
      for (const call of delta.toolCalls ?? []) {
        const one = begun.get(call.index ?? 0) ?? ["", ""];
        begun.set(call.index ?? 0, one);
        one[0] += call.function.name ?? "";
        one[1] += typeof call.function.arguments === "string" ? call.function.arguments : "";
      }
    }
  }
  for (const [name, args] of begun.values()) seen.call(name, args);
}

async function ollama(job, seen) {
  const { Ollama } = await import("ollama");
  const client = new Ollama({ host: job.base, headers: { authorization: "Bearer " + job.key } });
  const asked = { model: job.model, messages: user(job), stream: job.stream };
  if (job.tools) asked.tools = chatTools();
  const answer = await client.chat(asked);
  for await (const part of job.stream ? answer : [answer]) {
    seen.say(part.message.content);
    for (const call of part.message.tool_calls ?? []) seen.call(call.function.name, call.function.arguments);
  }
}

async function mcp(job, seen) {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const transport = new StreamableHTTPClientTransport(new URL(job.base + "/mcp"), {
    requestInit: { headers: { authorization: "Bearer " + job.key } },
  });
  const client = new Client({ name: "sdk-tests", version: "1" });
  await client.connect(transport);
  try {
    const known = (await client.listTools()).tools.map((tool) => tool.name);
    // Behind an endpoint for several servers a tool carries its server's name.
    const name = known.find((name) => name.split("__").at(-1) === job.tool);
    const result = await client.callTool({ name, arguments: job.arguments });
    for (const block of result.content) seen.say(block.text);
  } finally {
    await client.close();
  }
}

const CLIENTS = {
  "openai-chat": async (job, seen) => chat(await openai(job), job, seen),
  "openai-responses": responses,
  "openai-azure": azure,
  anthropic,
  "google-genai": google,
  bedrock,
  cohere,
  mistral,
  ollama,
  mcp,
};

const status = (error) =>
  error.status ?? error.statusCode ?? error.status_code ?? error.$metadata?.httpStatusCode ?? error.code ?? null;
const named = (error) => {
  const own = error.constructor?.name ?? "Error";
  // The class of these is one for all; the name tells which.
  return own === "Error" || own.endsWith("ServiceException") ? error.name : own;
};

for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  const seen = new Seen();
  const start = performance.now();
  let told = {};
  try {
    await CLIENTS[job.client](job, seen);
  } catch (error) {
    told = { error: named(error), status: status(error), message: String(error.message ?? error).slice(0, 4000) };
  }
  told = { ...told, text: seen.text, calls: seen.calls, pieces: seen.pieces, ended: seen.ended };
  told.seconds = Math.round(performance.now() - start) / 1000;
  process.stdout.write(JSON.stringify(told) + "\n");
}
