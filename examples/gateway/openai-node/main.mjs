// The OpenAI client for Node behind Checkrein: address and key are Checkrein's, the rest is as ever.

import OpenAI, { PermissionDeniedError } from "openai";

const client = new OpenAI({ baseURL: process.env.CHECKREIN_URL + "/v1", apiKey: process.env.CHECKREIN_KEY });
const ask = (content, more) =>
  client.chat.completions.create({ model: "gpt-mock", messages: [{ role: "user", content }], ...more });

console.log("answer:", (await ask("Where is order A-17?")).choices[0].message.content);

let words = "";
for await (const part of await ask("Tell me about soup.", { stream: true })) words += part.choices[0].delta.content ?? "";
console.log("stream:", words);

// The provider gets a stand-in for the number and the program its number again.
console.log("card:  ", (await ask("Is 4111 1111 1111 1111 a valid card?")).choices[0].message.content);

try {
  await ask("Where does nightjar live?");
} catch (refused) {
  if (!(refused instanceof PermissionDeniedError)) throw refused;
  console.log("refused with", refused.status);
}
