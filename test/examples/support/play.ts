import {
  createManagedServer,
  createScriptedEngine,
  type EnvironmentDefinition,
  type HostedEnvironment,
  hostEnvironment,
  type JsonObject,
  type ModelServer,
  playGroup,
  type Rollout,
  type SamplingParameters,
  type SandboxPool,
  type Task,
  type ToolHandler,
} from 'lachesis';
import { createChatmlRenderer } from '../../../src/models/index.ts';
import { hermesParser } from '../../../src/parsers/index.ts';
import { specialId, Tokenizer } from '../../../src/policy/index.ts';

/** A vocabulary of bytes and special tokens alone spells everything. */
const bytes = new Tokenizer([]);

/** A model that is told what to say: a function of the conversation's text so far. */
export function scriptedModel(
  reply: (prompt: string, call: number) => string,
  tokenizer = bytes,
): ModelServer {
  const engine = createScriptedEngine({
    replies: ({ promptTokenIds }, index) => ({
      text: reply(tokenizer.decode(promptTokenIds), index),
    }),
    encode: (text) => tokenizer.encode(text, { allowSpecial: true }),
    endTokenId: specialId('<|im_end|>'),
    description: { vocabularySize: tokenizer.vocabularySize },
  });
  return createManagedServer({
    engine,
    renderer: createChatmlRenderer({ tokenizer }),
    parser: hermesParser,
  });
}

/** A tool call as a Hermes model writes it; `args` may be text that is no JSON. */
export function callText(name: string, args: JsonObject | string): string {
  const json = typeof args === 'string' ? args : JSON.stringify(args);
  return `<tool_call>\n{"name": "${name}", "arguments": ${json}}\n</tool_call>`;
}

/** The results of the tools so far, oldest first. */
export function toolResults(prompt: string): string[] {
  return [...prompt.matchAll(/<tool_response>\n(.*?)\n<\/tool_response>/gs)].map(
    (match) => match[1] as string,
  );
}

export async function host(
  definition: EnvironmentDefinition,
  settings: JsonObject = {},
  sandboxes?: SandboxPool,
): Promise<HostedEnvironment> {
  return hostEnvironment(definition, settings, { sandboxes });
}

/** Plays tasks as groups, at the same time. */
export async function play(
  environment: HostedEnvironment,
  modelServer: ModelServer,
  options: {
    readonly tasks?: number;
    readonly groupSize?: number;
    readonly seed?: number;
    /** Default: room enough for a model that spells byte by byte. */
    readonly sampling?: SamplingParameters;
    readonly toolHandler?: ToolHandler;
  } = {},
): Promise<readonly { readonly task: Task; readonly rollouts: readonly Rollout[] }[]> {
  const { tasks: wanted = 1, groupSize = 1, seed = 1, sampling = { maxTokens: 400 } } = options;
  const { toolHandler } = options;
  const tasks: Task[] = [];
  for await (const task of environment.tasks.tasks()) {
    tasks.push(task);
    if (tasks.length === wanted) break;
  }
  return Promise.all(
    tasks.map(async (task, at) => {
      const group = await playGroup({
        environment,
        modelServer,
        task,
        groupId: `g${at}`,
        groupSize,
        sampling,
        ...(toolHandler && { toolHandler }),
        seed: seed * 1_000_000 + at,
        signal: new AbortController().signal,
      });
      return { task, rollouts: group.rollouts };
    }),
  );
}

export function rewardOf({ outcome }: Rollout): number {
  if (outcome.kind === 'not_scored') throw new Error(outcome.failure.message);
  return outcome.reward;
}
