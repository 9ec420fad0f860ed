import { LachesisError } from '../errors.ts';

/** A stream or an answer that ended before all of it came. */
export function cutShort(message: string, remedy = 'Ask again.'): LachesisError {
  return new LachesisError('infrastructure_error', message, { reason: 'STREAM_CUT_SHORT', remedy });
}
