import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type HostedEnvironment, hostEnvironment } from '../../environment/index.ts';
import { invalidInput } from '../../errors.ts';
import type { OpenSandboxes } from '../../sandbox/index.ts';
import type { CommandIo, OptionValues } from '../command.ts';
import { loadDefinition } from '../load-environment.ts';
import { sandboxesFor } from '../sandbox-options.ts';
import { SandboxAccount } from './sandbox-account.ts';

/** The environment of a quick start, and the sandboxes that its rollouts have. */
export interface StartEnvironment extends AsyncDisposable {
  readonly environment: HostedEnvironment;
  /** Undefined when it asks for none. */
  readonly sandboxes: OpenSandboxes | undefined;
  /** Of what becomes of them. */
  readonly account: SandboxAccount;
}

/** The file of one of the examples: a source in a checkout, a build elsewhere. */
export function exampleFile(name: string): string {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const isName = /^[a-z0-9-]+$/.test(name);
  const url = new URL(`../../../examples/environments/${name}${ending}`, import.meta.url);
  if (isName && existsSync(fileURLToPath(url))) return fileURLToPath(url);
  throw invalidInput('--env', `"${name}" is none of the examples.`, {
    remedy: 'Name a file of examples/environments without its ending, such as shop.',
  });
}

/** Hosts one of the examples; refuses before anything else is started when its sandboxes do not work. */
export async function openStartEnvironment(
  name: string,
  values: OptionValues,
  io: CommandIo,
): Promise<StartEnvironment> {
  const definition = await loadDefinition(exampleFile(name));
  await using owned = new AsyncDisposableStack();
  const account = new SandboxAccount();
  const sandboxes = await sandboxesFor([definition], { values, io, observer: account.observer });
  if (sandboxes !== undefined) owned.use(sandboxes);
  const environment = owned.use(
    await hostEnvironment(
      definition,
      {},
      { sandboxes: sandboxes?.pool, isolation: sandboxes?.isolation, signal: io.signal },
    ),
  );
  const all = owned.move();
  return { environment, sandboxes, account, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
