import type { AgentRules } from '../server/index.ts';
import type { CommandIo, CommandOption, OptionValues } from './command.ts';
import { listOption } from './read-options.ts';
import { sandboxSettings } from './sandbox-options.ts';

/** Of a command that leases sandboxes to agents elsewhere. */
export const AGENT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'agent-image': {
    type: 'string',
    multiple: true,
    value: 'IMAGE',
    help: "An image that a credential of scope `agent` may name; may be repeated. Default: the server's own alone.",
  },
  'agent-network': {
    type: 'boolean',
    help: 'Credentials of scope `agent` may ask for an open network. Default: only with --sandbox-network open.',
  },
};

/** What agents may ask for: no more than the server's own sandboxes have, unless the options say so. */
export function agentRules(
  values: OptionValues,
  io: Pick<CommandIo, 'environment'>,
): Required<AgentRules> {
  const { image, network } = sandboxSettings(values, io).spec;
  return {
    images: [...listOption(values, 'agent-image'), ...(image === undefined ? [] : [image])],
    network: values['agent-network'] === true || network === 'open',
  };
}
