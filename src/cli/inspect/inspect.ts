import { invalidInput, LachesisError } from '../../errors.ts';
import { readModelRenderer } from '../../models/index.ts';
import { fingerprintHex, readBaseCheckpoint } from '../../policy/index.ts';
import type { Command } from '../command.ts';
import { readRollouts } from '../export/read-rollouts.ts';
import { integerOption, textOption } from '../read-options.ts';
import { tokenLines } from './token-view.ts';

/** `lachesis inspect tokens FILE`: what a model saw and sampled, and what a trainer makes of it. */
export const inspectCommand: Command = {
  name: 'inspect',
  summary: "Show a rollout's tokens: segments, masks, logprobs, policy versions and the ledger.",
  usage: 'WHAT FILE [options]',
  examples: [
    'lachesis inspect tokens rollouts.jsonl',
    'lachesis inspect tokens rollouts.jsonl --rollout g-7.0',
    'lachesis inspect tokens rollouts.jsonl --max 20 --color always | less -R',
    'lachesis inspect tokens rollouts.jsonl --tokenizer models/Qwen3-8B',
  ],
  options: {
    rollout: { type: 'string', value: 'ID', help: 'Only this one. Default: the first.' },
    max: { type: 'string', value: 'N', help: 'So many, from the start of the file. Default: 1.' },
    tokenizer: {
      type: 'string',
      value: 'PATH',
      help: "The model's own files, a folder or GGUF, to show ids as text. The embedded policy's need none.",
    },
    color: {
      type: 'string',
      value: 'WHEN',
      help: 'always, never or auto (on a terminal). Default: auto.',
    },
  },
  run: async ({ positionals, values }, io) => {
    const [what, file, extra] = positionals;
    if (what !== 'tokens') {
      throw invalidInput('WHAT', `is ${what ?? 'missing'}; \`tokens\` can be inspected.`);
    }
    if (file === undefined) throw invalidInput('FILE', 'is missing; give a rollout file.');
    if (extra !== undefined) throw invalidInput('FILE', `is given twice, as ${file} and ${extra}.`);
    const id = textOption(values, 'rollout');
    const max = id === undefined ? (integerOption(values, 'max', 1) ?? 1) : 1;
    const color = colorOption(textOption(values, 'color'), io.terminal);
    const decode = await decoders(textOption(values, 'tokenizer'), io.signal);
    let shown = 0;
    for await (const { rollout } of readRollouts([file], { signal: io.signal })) {
      if (id !== undefined && rollout.id !== id) continue;
      const textOf = decode(rollout.provenance.rendering.tokenizerSha256);
      const lines = tokenLines(rollout, { color, columns: io.columns, textOf });
      (io.raw ?? io.out)(`${lines.join('\n')}\n`);
      shown += 1;
      if (shown === max) return 0;
    }
    if (shown > 0) return 0;
    throw new LachesisError(
      'not_found',
      id === undefined ? `${file} holds no rollout.` : `${file} holds no rollout "${id}".`,
      {
        reason: 'ROLLOUT_UNKNOWN',
        remedy: 'Look for its id in the file: grep -o \'"id":"[^"]*"\'.',
      },
    );
  },
};

type Decode = (ids: Int32Array) => string;

/** What tells the text of ids by the tokenizer that made them: the one of `folder`, else the embedded policy's. */
async function decoders(
  folder: string | undefined,
  signal: AbortSignal,
): Promise<(tokenizerSha256: string) => Decode | undefined> {
  if (folder === undefined) {
    const { tokenizer } = await readBaseCheckpoint();
    const own = fingerprintHex(tokenizer.fingerprint);
    return (sha256) => (sha256 === own ? (ids) => tokenizer.decode(ids) : undefined);
  }
  const { decode, fingerprint } = await readModelRenderer(folder, { signal });
  const own = fingerprint.tokenizerSha256;
  return (sha256) => {
    if (sha256 === own || sha256 === '') return decode;
    throw invalidInput(
      '--tokenizer',
      `is ${own.slice(0, 12)}, and the rollout was made with ${sha256.slice(0, 12)}.`,
      { reason: 'OTHER_TOKENIZER', remedy: 'Give the files of the model that played it.' },
    );
  };
}

function colorOption(when = 'auto', terminal: boolean): boolean {
  if (when === 'auto') return terminal;
  if (when === 'always' || when === 'never') return when === 'always';
  throw invalidInput('--color', `is "${when}"; it may be always, never or auto.`);
}
