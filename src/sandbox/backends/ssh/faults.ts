import { errorMessage, LachesisError } from '../../../errors.ts';
import { sandboxFault } from '../../contract/faults.ts';

/** Where a host is, for messages. */
export interface HostName {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export function hostText({ host, port, user }: HostName): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${user}@${name}${port === 22 ? '' : `:${port}`}`;
}

/** An error of connecting or logging in, in our words. */
export function connectFault(name: HostName, error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  const what = `No connection to ${hostText(name)}: ${errorMessage(error)}.`;
  if (levelOf(error) === 'client-authentication') {
    return new LachesisError('failed_precondition', what, {
      reason: 'SSH_LOGIN',
      remedy:
        'Name a key that the account accepts with --ssh-key (`TERMINAL_SSH_KEY`, `keyFile`), or add it to ssh-agent.',
      cause: error,
    });
  }
  return new LachesisError('infrastructure_error', what, {
    reason: 'SSH_UNREACHABLE',
    remedy: `See whether \`ssh -p ${name.port} ${name.user}@${name.host} true\` works from here.`,
    cause: error,
  });
}

/** The connection was there and is lost; what was under way on it is not known. */
export function connectionLost(name: HostName, cause: unknown): LachesisError {
  const why = cause === undefined ? 'the host closed it' : errorMessage(cause);
  return new LachesisError(
    'infrastructure_error',
    `The connection to ${hostText(name)} was lost: ${why}.`,
    { reason: 'SSH_CONNECTION_LOST', ...(cause === undefined ? {} : { cause }) },
  );
}

/** A message in the middle of another. */
export function inner({ message }: Error): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`;
}

/** A host or account on which our commands can't run. */
export function unfitHost(name: HostName, why: string, remedy: string): LachesisError {
  return new LachesisError('failed_precondition', `${hostText(name)} can not be used: ${why}.`, {
    reason: 'SSH_HOST_UNFIT',
    remedy,
  });
}

/** The host refused a session, though the connection stands. */
export function sessionRefused(error: unknown): LachesisError {
  return sandboxFault('The host opened no session', error);
}

/** Where in the client an error comes from. */
export function levelOf(error: unknown): string | undefined {
  const { level } = (error ?? {}) as { readonly level?: unknown };
  return typeof level === 'string' ? level : undefined;
}
