import { isIP } from 'node:net';
import type { SandboxCreateParams, SandboxUpdateNetworkPolicyParams } from 'modal';
import { invalidInput } from '../../../errors.ts';
import type { SandboxNetwork } from '../../contract/spec.ts';

const EVERYTHING = { outboundCidrAllowlist: ['0.0.0.0/0'], outboundDomainAllowlist: ['*'] };
const DOMAIN = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;

/** The network of a sandbox that is made now. */
export function atCreation(network: SandboxNetwork): SandboxCreateParams {
  if (network === 'none') return { blockNetwork: true };
  if (network === 'open') return {};
  return allowlist(network.allow);
}

/** The network of one that runs: Modal knows lists only there, and wants both. */
export function whileRunning(network: SandboxNetwork): Required<SandboxUpdateNetworkPolicyParams> {
  if (network === 'none') return allowlist([]);
  if (network === 'open') return EVERYTHING;
  return allowlist(network.allow);
}

/** Addresses and names apart, as Modal wants them; both lists always, since a missing one allows all. */
function allowlist(hosts: readonly string[]): Required<SandboxUpdateNetworkPolicyParams> {
  const cidrs: string[] = [];
  const domains: string[] = [];
  hosts.forEach((host, i) => {
    const [address = '', prefix, more] = host.split('/');
    const version = isIP(address);
    const longest = version === 4 ? 32 : 128;
    if (version > 0 && more === undefined && isPrefix(prefix, longest)) {
      cidrs.push(prefix === undefined ? `${address}/${longest}` : host);
    } else if (DOMAIN.test(host)) domains.push(host);
    else {
      throw invalidInput(
        `sandbox.network.allow[${i}]`,
        `is ${JSON.stringify(host.slice(0, 200))}, which is no host name, address or range.`,
        { remedy: 'Write `example.com`, `*.example.com`, `192.0.2.7` or `192.0.2.0/24`.' },
      );
    }
  });
  return { outboundCidrAllowlist: cidrs, outboundDomainAllowlist: domains };
}

function isPrefix(text: string | undefined, longest: number): boolean {
  return text === undefined || (/^\d{1,3}$/.test(text) && Number(text) <= longest);
}
