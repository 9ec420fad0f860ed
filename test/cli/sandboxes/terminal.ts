import { defineEnvironment } from '../../../src/environment/index.ts';

/** Its reward is earned in the sandbox, whatever the model says. */
export default defineEnvironment({
  name: 'terminal',
  tasks: [{ data: { n: 1 } }, { data: { n: 2 } }],
  sandbox: {},
  prompt: () => 'Say anything.',
  maxTurns: 1,
  sampling: { maxTokens: 4 },
  reward: async ({ sandbox, task }) => {
    const done = await sandbox.exec(`echo ${task.data.n} > n && cat n`);
    return { value: 1, metrics: { exit: done.exitCode } };
  },
});
