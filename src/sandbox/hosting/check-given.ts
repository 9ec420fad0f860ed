import { invalidInput } from '../../errors.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import type { SandboxSpec } from '../contract/spec.ts';

/**
 * Refuses a spec by what the backend says of itself, before anything is made: each sandbox of it would be
 * refused. `nameOf` tells what its giver calls a field of it, such as `image` or `resources.cpus`.
 */
export function checkGiven(
  spec: SandboxSpec,
  { name, capabilities }: Pick<SandboxBackend, 'name' | 'capabilities'>,
  nameOf: (field: string) => string,
): void {
  const refuse = (field: string, problem: string, remedy: string): never => {
    throw invalidInput(nameOf(field), `${problem} can't be given by the \`${name}\` backend.`, {
      reason: 'SANDBOX_NOT_HELD',
      remedy,
    });
  };
  const { image, network, resources } = spec;
  if (image !== undefined && !capabilities.images) {
    refuse('image', 'An image', 'Leave it out, or choose a backend that has images.');
  }
  const wanted = typeof network === 'object' ? 'allowlist' : network;
  if (wanted !== undefined && !capabilities.networks.includes(wanted)) {
    const what = wanted === 'allowlist' ? 'A list of hosts' : `\`${wanted}\``;
    refuse('network', what, `It gives: ${capabilities.networks.join(', ')}.`);
  }
  for (const [limit, value] of Object.entries(resources ?? {})) {
    if (value === undefined || capabilities.limits.some((held) => held === limit)) continue;
    const held = capabilities.limits.join(', ') || 'none';
    refuse(`resources.${limit}`, 'This limit', `Leave it out; it holds to: ${held}.`);
  }
}
