import { invalidInput, LachesisError } from '../../errors.ts';
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
  ],
  options: {
    rollout: { type: 'string', value: 'ID', help: 'Only this one. Default: the first.' },
    max: { type: 'string', value: 'N', help: 'So many, from the start of the file. Default: 1.' },
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
    const decode = await knownDecoder();
    let shown = 0;
    for await (const { rollout } of readRollouts([file], { signal: io.signal })) {
      if (id !== undefined && rollout.id !== id) continue;
      const textOf = decode(rollout.provenance.rendering.tokenizerSha256);
      io.out(`${tokenLines(rollout, { color, columns: io.columns, textOf }).join('\n')}\n`);
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

/** The text of ids by the tokenizer that made them, where it is one that is at hand. */
async function knownDecoder() {
  const { tokenizer } = await readBaseCheckpoint();
  const own = fingerprintHex(tokenizer.fingerprint);
  return (tokenizerSha256: string) =>
    tokenizerSha256 === own ? (ids: Int32Array) => tokenizer.decode(ids) : undefined;
}

function colorOption(when = 'auto', terminal: boolean): boolean {
  if (when === 'auto') return terminal;
  if (when === 'always' || when === 'never') return when === 'always';
  throw invalidInput('--color', `is "${when}"; it may be always, never or auto.`);
}
