// own-tool.ts
import { defineEnvironment, outputText, tool } from 'lachesis';

export default defineEnvironment({
  name: 'sums',
  tasks: [{ data: { program: 'echo $((6 * 7))', says: '42' } }],
  sandbox: {},
  tools: [
    tool({
      name: 'run',
      description: 'Runs a bash script in your working directory.',
      parameters: { type: 'object', properties: { script: { type: 'string' } } },
      // `sandbox` is the rollout's own, the same that `setup` and the reward see.
      execute: async ({ script }, { sandbox, signal }) => {
        const { exitCode, stdout } = await sandbox.exec(String(script), { signal });
        return { exit_code: exitCode, output: outputText(stdout) };
      },
    }),
  ],
  prompt: ({ data }) => `What does \`${data.program}\` say? Write it to answer.txt.`,
  reward: async ({ task, sandbox }) => {
    // To read a file that is not there throws: an error of the reward, which scores nothing.
    if ((await sandbox.stat('answer.txt')) === undefined) return 0;
    return (await sandbox.readText('answer.txt')).trim() === task.data.says ? 1 : 0;
  },
});
