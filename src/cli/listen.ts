import { errorMessage, invalidInput } from '../errors.ts';
import { type LachesisServer, type ServerOptions, startServer } from '../server/index.ts';

/** Starts a server; an address that can't be bound is told by the option that names it. */
export async function listen(options: ServerOptions): Promise<LachesisServer> {
  try {
    return await startServer(options);
  } catch (error) {
    const { host = '127.0.0.1', port = 0 } = options;
    const remedy = 'Give another --port; 0 takes a free one.';
    switch ((error as NodeJS.ErrnoException).code) {
      case 'EADDRINUSE':
        throw invalidInput('--port', `${port} of ${host} is in use.`, { remedy, cause: error });
      case 'EACCES':
        throw invalidInput('--port', `${port} needs rights that this user does not have.`, {
          remedy,
          cause: error,
        });
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
        throw invalidInput('--host', `${host} is no address of this machine.`, {
          remedy: 'Leave it out for loopback.',
          cause: error,
        });
      case 'EAI_AGAIN':
        throw invalidInput('--host', errorMessage(error), { cause: error });
    }
    throw error;
  }
}
