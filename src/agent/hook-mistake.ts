/** What a hook answered wrong, as the rest of a sentence that its name begins: `gave a number, not a text.` */
export class HookMistake extends TypeError {}

/** What somebody gave in place of something else: `a number`, `nothing`. */
export function givenType(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
