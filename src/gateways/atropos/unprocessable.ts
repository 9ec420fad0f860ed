import { LachesisError } from '../../errors.ts';

/** Where in a body a value stands: `['tokens', 0, 3]`. */
export type Location = readonly (string | number)[];

/** What a body has wrong, as FastAPI tells it: answered with 422. The words of `type` are pydantic's where it has some. */
export class Unprocessable extends LachesisError {
  readonly type: string;
  readonly loc: Location;
  /** The message without its place. */
  readonly detail: string;

  constructor(loc: Location, type: string, detail: string) {
    const field = fieldOf(loc);
    super('invalid_input', `${field}: ${detail}`, { reason: type.toUpperCase(), field });
    this.type = type;
    this.loc = loc;
    this.detail = detail;
  }
}

/** `tokens[0][3]`; `body` for the body itself. */
function fieldOf(loc: Location): string {
  let field = '';
  for (const step of loc) {
    if (typeof step === 'number') field += `[${step}]`;
    else field += field === '' ? step : `.${step}`;
  }
  return field === '' ? 'body' : field;
}
