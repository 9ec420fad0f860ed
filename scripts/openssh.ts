// The sshd of OpenSSH, for the tests of the ssh backend. It is run by them, on loopback, and never as a service.
import { existsSync } from 'node:fs';
import { aptInstall } from './apt.ts';

const SSHD = '/usr/sbin/sshd';

/** Installs it when it is missing; returns why it can't be had, in words. */
export function ensureOpenssh(): { readonly skipped?: string } {
  if (existsSync(SSHD)) return {};
  const problem = aptInstall('openssh-server');
  if (existsSync(SSHD)) return {};
  return { skipped: `there is no ${SSHD}: ${problem ?? 'apt-get installed none'}` };
}
