import { LachesisError } from '../errors.ts';
import type { SandboxSpec } from '../sandbox/index.ts';

/** What agents elsewhere may ask of their sandboxes; what they leave out is as the server has it. */
export interface AgentRules {
  /** That they may name: an image can be a folder of the host. Default: none. */
  readonly images?: readonly string[];
  /** They may ask for an open network, which can reach the host's own ports. Default: false. */
  readonly network?: boolean;
}

/** Refuses what the operator did not grant. */
export function assertGranted(
  { image, network = 'none' }: SandboxSpec,
  { images = [], network: isOpen = false }: AgentRules,
): void {
  if (image !== undefined && !images.includes(image)) {
    throw denied('image', 'names one that this server gives no agent.', {
      reason: 'AGENT_IMAGE_DENIED',
      remedy: "Leave it out for the server's own, or let its operator grant it (--agent-image).",
    });
  }
  if (network !== 'none' && !isOpen) {
    throw denied('network', 'is asked for, and this server gives agents none.', {
      reason: 'AGENT_NETWORK_DENIED',
      remedy: 'Leave it out, or let the operator of the server grant it (--agent-network).',
    });
  }
}

function denied(
  field: string,
  message: string,
  fields: { readonly reason: string; readonly remedy: string },
): LachesisError {
  return new LachesisError('permission_denied', `${field}: ${message}`, { ...fields, field });
}
