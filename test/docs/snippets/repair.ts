// repair.ts
import { defineEnvironment, outputText, resultBudget, sandboxTools } from 'lachesis';

export default defineEnvironment({
  name: 'repair',
  tasks: [{ data: { program: 'echo $((6 * 8))\n', says: '42' } }],
  // Leased before `setup`, the rollout's alone, given back after `teardown`.
  sandbox: { network: 'none', resources: { memoryMiB: 512 } },
  tools: sandboxTools(['terminal', 'files']),
  setup: async ({ data }, { sandbox }) => {
    await sandbox.writeFile('program.sh', data.program);
  },
  prompt: ({ data }) => `Mend program.sh in your working directory: it should say ${data.says}.`,
  reward: async ({ task, sandbox }) => {
    const { exitCode, stdout } = await sandbox.exec('bash program.sh', { timeoutMs: 5_000 });
    return exitCode === 0 && outputText(stdout).trim() === task.data.says ? 1 : 0;
  },
  agent: { hooks: resultBudget() },
});
