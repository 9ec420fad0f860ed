// Chores in a terminal: a log and some notes lie in a box of the rollout's own, and files are to be made of
// them. One file is right or not; where there are several, each that is right earns its share.

import type { RolloutSandbox } from 'lachesis';
import { defineEnvironment, generated, outputText, sandboxTools } from 'lachesis';

const LEVELS = ['INFO', 'WARN', 'ERROR'];
const NAMES = ['anna', 'bela', 'carl', 'dora', 'emil', 'fritz', 'greta'];
const WORDS = ['tea', 'bread', 'lamp', 'chair', 'rain', 'river', 'stone', 'candle'];

/** What is asked, each with a command that does it. */
const CHORES = [
  ...`Write to answer.txt how many lines of app.log begin with LEVEL.
  grep -c ^LEVEL app.log > answer.txt
Add up the last column of NAME's lines in app.log, and write the sum to answer.txt.
  awk '$2 == "NAME" { sum += $3 } END { print sum + 0 }' app.log > answer.txt
Write the names in app.log to names.txt: sorted, each once, one a line.
  cut -d' ' -f2 app.log | sort -u > names.txt
Write to slow.log the three lines of app.log with the highest last column, highest first.
  sort -k3,3nr app.log | head -n 3 > slow.log
Split app.log by the first word of its lines into INFO.log, WARN.log and ERROR.log.
  for level in INFO WARN ERROR; do grep ^$level app.log > $level.log; done
In every file of notes/, replace the word WORD by coffee.
  sed -i s/WORD/coffee/g notes/*
Copy every file of notes/ to one of the same name that ends in .md instead of .txt.
  for note in notes/*; do cp $note notes/$(basename $note .txt).md; done
Put the files of notes/ one after the other, by name, into all.txt.
  cat notes/* > all.txt
`.matchAll(/(.+)\n {2}(.+)\n/g),
];

/** The lines of each file of the working directory, once a command has run in a copy of it. */
async function look(box: RolloutSandbox, command: string) {
  const copied = `copy=$(mktemp -d); cp -r . "$copy"; cd "$copy"; ${command}\n`;
  const seen = 'find . -type f -print0 | sort -z | xargs -0r grep -aH ""; rm -r "$copy"';
  const { stdout, timedOut } = await box.exec(copied + seen, { timeoutMs: 50_000 });
  // What was not seen is no score.
  if (timedOut) throw new Error('looking at the files took too long');
  return Object.groupBy(outputText(stdout).split('\n'), (line) => line.split(':')[0] ?? '');
}

export default defineEnvironment({
  name: 'terminal-tasks',
  version: '1',
  description: 'Do a chore with files and text in a terminal.',
  tasks: generated((index, random) => {
    const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? '';
    const line = () => `${pick(LEVELS)} ${pick(NAMES)} ${Math.floor(random() * 10_000)}\n`;
    const [LEVEL, NAME, WORD] = [pick(LEVELS), pick(NAMES), pick(WORDS)];
    const log = ['app.log', Array.from({ length: 20 }, line).join('')];
    const notes = NAMES.map((name, i) => [`notes/${name}.txt`, `${i % 3 ? pick(WORDS) : WORD}\n`]);
    const [, ask = '', command = ''] = (CHORES[index % CHORES.length] ?? []).map((text) =>
      text.replaceAll('LEVEL', LEVEL).replaceAll('NAME', NAME).replaceAll('WORD', WORD),
    );
    return { ask, command, files: Object.fromEntries([log, ...notes]) as Record<string, string> };
  }),
  sandbox: {},
  tools: sandboxTools(['terminal', 'files']),
  setup: async ({ data }, { sandbox }) => {
    const lay = Object.entries(data.files).map(([file, text]) => `cat >${file} <<"."\n${text}.\n`);
    await sandbox.exec(`mkdir notes\n${lay.join('')}`);
    const [before, after] = [await look(sandbox, ':'), await look(sandbox, data.command)];
    // What is wanted: whatever the command that does the chore makes or changes.
    return Object.entries(after).filter(([file, lines]) => `${before[file]}` !== `${lines}`);
  },
  prompt: ({ data }) => data.ask,
  reward: async ({ state, sandbox }) => {
    const now = await look(sandbox, ':');
    return state.filter(([file, lines]) => `${now[file]}` === `${lines}`).length / state.length;
  },
  solution: ({ data }) => {
    const argumentsText = JSON.stringify({ command: data.command });
    const toolCalls = [{ id: '1', name: 'terminal', argumentsText }];
    return [{ role: 'assistant', content: [], toolCalls }];
  },
  maxTurns: 10,
  sampling: { temperature: 1, maxTokens: 400 },
});
