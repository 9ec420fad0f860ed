import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['lachesis-source'] },
  ssr: { resolve: { conditions: ['lachesis-source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 20_000,
    pool: 'forks',
    execArgv: ['--conditions=lachesis-source'],
  },
});
