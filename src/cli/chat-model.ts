import { invalidInput } from '../errors.ts';
import { createVllmChatServer } from '../models/index.ts';
import type { MetricsRegistry } from '../telemetry/index.ts';
import type { ChosenModel } from './chosen-model.ts';
import type { CommandIo, OptionValues } from './command.ts';
import { engineSettings } from './engine-settings.ts';
import { tellFindings } from './tell-findings.ts';

/** The `--engine` that takes messages: the server renders, so nothing of its model is needed here. */
export const CHAT_ENGINE = 'vllm-chat';

const SERVERS_OWN: Readonly<Record<string, string>> = {
  tokenizer: 'tokenises by itself',
  'chat-template': 'has its own; start vLLM with --chat-template',
  'tool-parser': 'finds the calls by itself; start vLLM with --tool-call-parser',
};

/** The model server that `--engine vllm-chat` asks for. */
export async function chatModel(
  values: OptionValues,
  io: CommandIo,
  options: {
    readonly purpose: 'train' | 'evaluation';
    readonly metrics?: MetricsRegistry;
  },
): Promise<ChosenModel> {
  const { purpose, metrics } = options;
  for (const [name, why] of Object.entries(SERVERS_OWN)) {
    if (values[name] === undefined) continue;
    throw invalidInput(`--${name}`, `is not for ${CHAT_ENGINE}: the server ${why}. Leave it out.`);
  }
  const { urls, http, allow, onLie, canaryShare: share } = engineSettings(values, io);
  const [url = '', ...others] = urls;
  if (others.length > 0) {
    throw invalidInput(
      '--engine-url',
      `is given ${urls.length} times; ${CHAT_ENGINE} takes one. Put a router before several.`,
    );
  }
  await using opened = new AsyncDisposableStack();
  const modelServer = createVllmChatServer({
    url,
    ...http,
    allow,
    ...(onLie !== undefined && { onLie }),
    ...(purpose === 'train' && { canary: { share, ...(metrics !== undefined && { metrics }) } }),
    logprobs: purpose === 'evaluation' ? 'ignore' : 'required',
  });
  opened.defer(() => modelServer.close());
  // Now, so that a wrong address, or a server that gives no ids, is told before anything plays.
  const { model } = await modelServer.describe({ signal: io.signal });
  tellFindings(await modelServer.probe({ signal: io.signal }), io);
  opened.move();
  return {
    modelServer,
    policy: undefined,
    description: `${model} at ${new URL(url).host} (${CHAT_ENGINE}, managed)`,
    [Symbol.asyncDispose]: () => modelServer.close(),
  };
}
