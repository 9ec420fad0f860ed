import { invalidInput, LachesisError } from '../errors.ts';

/** The variable that holds the key of the inference servers. */
export const ENGINE_KEY = 'LACHESIS_ENGINE_API_KEY';

/**
 * Makes the engine of an address; what it refuses of an address or a key is told by the option's name. An
 * address is named by its place, since it may hold a password.
 */
export function engineAt<Made>(
  url: string,
  { index, count }: { readonly index: number; readonly count: number },
  create: (url: string) => Made,
): Made {
  try {
    return create(url);
  } catch (thrown) {
    if (!(thrown instanceof LachesisError)) throw thrown;
    const which = count === 1 ? '' : `number ${index + 1} of ${count} `;
    const told = (field: string, about: string): LachesisError =>
      invalidInput(field, `${about}${thrown.message.replace(/^\w+: /, '')}`, {
        reason: thrown.reason,
        cause: thrown,
      });
    if (thrown.field === 'url') throw told('--engine-url', which);
    if (thrown.field === 'apiKey') throw told(ENGINE_KEY, '');
    throw thrown;
  }
}
