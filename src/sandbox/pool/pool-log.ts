import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../telemetry/index.ts';
import type { PoolObserver } from './observer.ts';

/** An observer that writes what a pool does to a log: trouble as warnings, the rest at `debug`. */
export function poolLog(logger: Logger): PoolObserver {
  return {
    created: (event) => logger.debug('sandbox made', { ...event }),
    createFailed: ({ key, error }) =>
      logger.warn('sandbox not made', { key, error: errorMessage(error) }),
    leased: (event) => logger.debug('sandbox leased', { ...event }),
    leaked: (event) => logger.warn('sandbox lease taken back', { ...event }),
    reset: (event) => logger.debug('sandbox reset', { ...event }),
    destroyed: (event) => {
      const isTrouble = ['unhealthy', 'reset_failed', 'late'].includes(event.reason);
      logger.log(isTrouble ? 'warn' : 'debug', 'sandbox ended', { ...event });
    },
    survived: ({ key, id, error }) =>
      logger.error('sandbox could not be ended', { key, id, error: errorMessage(error) }),
    refused: (event) => logger.debug('sandbox refused', { ...event }),
  };
}
