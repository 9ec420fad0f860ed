// Opens a backend where its package is not installed, and prints how that failed: BACKEND PACKAGE.
import { registerHooks } from 'node:module';

const [backend = '', missing = ''] = process.argv.slice(2);
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== missing) return next(specifier, context);
    throw Object.assign(new Error(`Cannot find package '${missing}'`), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
  },
});

const { openSandboxes, createDockerBackend, createE2bBackend, readSandboxSettings } = await import(
  '../../../src/sandbox/index.ts'
);

const signal = new AbortController().signal;
const told = (error: { kind: string; reason: string; message: string; remedy: string }) => ({
  ...{ kind: error.kind, reason: error.reason, message: error.message, remedy: error.remedy },
});
const made = backend === 'docker' ? createDockerBackend() : createE2bBackend();
const create = await made.create({}, { signal }).catch(told);
const open = await openSandboxes({
  settings: readSandboxSettings({
    options: { sandbox: backend },
    environment: {},
    platform: process.platform,
  }),
  askers: [{ name: 'terminal', minimumIsolation: undefined }],
  environment: {},
  warn: () => {},
  signal,
}).catch(told);
process.stdout.write(JSON.stringify({ create, open }));
