import { invalidInput } from '../../errors.ts';
import { chatPrompt } from './chat-messages.ts';
import { fieldsOf } from './fields.ts';
import type { Route } from './routes.ts';

/** `POST /tokenize`: of a text, or of a chat as the template renders it. */
export const tokenizeRoute: Route = async ({ policy, body }) => {
  const fields = fieldsOf(body);
  const prompt = fields.text('prompt');
  const ids =
    prompt === undefined
      ? chatPrompt(body, policy.tokenizer)
      : policy.tokenizer.encode(prompt, { allowSpecial: true });
  return {
    count: ids.length,
    max_model_len: policy.describe().contextTokens,
    tokens: [...ids],
    token_strs: fields.flag('return_token_strs')
      ? Array.from(ids, (id) => policy.tokenizer.decode([id]))
      : null,
  };
};

/** `POST /detokenize`: special tokens give their spelling. */
export const detokenizeRoute: Route = async ({ policy, body }) => {
  const ids = fieldsOf(body).ids('tokens');
  if (ids === undefined) throw invalidInput('tokens', 'is missing.');
  return { prompt: policy.tokenizer.decode(ids) };
};
