// The price list for a model whose template knows neither tools nor calls: the system message says what
// there is, and the opening rounds spell their calls as the model is to spell its own.
import { defineEnvironment, type Message, textContent } from 'lachesis';
import priceList, { conversation, PRICE } from './price-list.ts';

const system: Message = {
  role: 'system',
  content: textContent(
    `You answer with the price alone. Ask for it first, with the tool ${JSON.stringify(PRICE)}. ` +
      'A call is {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>.',
  ),
};

/** The calls of a turn in its own words too: a template that knows no calls writes the words alone. */
function spelled(message: Message): Message {
  if (message.role !== 'assistant' || message.toolCalls.length === 0) return message;
  const calls = message.toolCalls.map(
    ({ name, argumentsText }) =>
      `<tool_call>\n{"name": "${name}", "arguments": ${argumentsText}}\n</tool_call>`,
  );
  return { ...message, content: textContent(calls.join('\n')) };
}

export default defineEnvironment({
  ...priceList,
  name: 'price-list-in-words',
  prompt: (task) => [system, ...conversation(task.data.item).map(spelled)],
});
