import { invalidInput, LachesisError } from '../errors.ts';

/** Fields of the wire by the policy's own names for them. */
export type WireFields = Readonly<Record<string, string>>;

export const GENERATE_FIELDS: WireFields = Object.freeze({
  promptIds: 'prompt_token_ids',
  temperature: 'sampling.temperature',
  topP: 'sampling.top_p',
  topK: 'sampling.top_k',
  maxTokens: 'sampling.max_tokens',
  seed: 'sampling.seed',
});
export const SCORE_FIELDS: WireFields = Object.freeze({ ids: 'token_ids' });
export const TRAIN_STEP_FIELDS: WireFields = Object.freeze({
  loss: 'open.loss',
  learningRate: 'open.learning_rate',
  temperature: 'open.temperature',
  clipLow: 'open.loss_settings[clip_low]',
  clipHigh: 'open.loss_settings[clip_high]',
  maxGradNorm: 'open.loss_settings[max_gradient_norm]',
  'rows[].tokenIds': 'rows[].row.token_ids',
  'rows[].logprobs': 'rows[].row.logprobs',
  'rows[].trained': 'rows[].row.spans',
});

/** Awaits what the policy does; an error that names one of its fields names the caller's instead. */
export async function withWireFields<Value>(
  names: WireFields,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw renamed(error, names);
  }
}

export function renamed(error: unknown, names: WireFields): unknown {
  if (!(error instanceof LachesisError) || error.kind !== 'invalid_input') return error;
  const { field, remedy } = error;
  if (field === undefined) return error;
  const [name = ''] = /^(rows\[\d+\]\.)?\w+/.exec(field) ?? [];
  const row = /^rows\[(\d+)\]/.exec(name)?.[1];
  const wire = names[name.replace(/^rows\[\d+\]/, 'rows[]')];
  if (wire === undefined) return error;
  const path = wire.replace('[]', `[${row}]`) + field.slice(name.length);
  const text = error.message.slice(`${field}: `.length);
  const message = remedy === undefined ? text : text.slice(0, -remedy.length - 1);
  return invalidInput(path, message, {
    reason: error.reason,
    metadata: error.metadata,
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
