/** Checks of JSON against a field list that was read from an engine's source. */
export type Check = (value: unknown) => boolean;

export const text: Check = (value) => typeof value === 'string';
export const flag: Check = (value) => typeof value === 'boolean';
export const number: Check = (value) => typeof value === 'number' && Number.isFinite(value);
export const whole: Check = (value) => Number.isInteger(value);
export const anything: Check = () => true;
export const listOf =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);
export const ids: Check = listOf((id) => Number.isInteger(id) && (id as number) >= 0);
export const exactly =
  (wanted: unknown): Check =>
  (value) =>
    JSON.stringify(value) === JSON.stringify(wanted);

export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

export interface Shape {
  /** Every field that the engine knows; a nested shape checks an object. */
  readonly fields: Readonly<Record<string, Check | Shape>>;
  /** Those without which the engine would do something else than is meant. */
  readonly required: readonly string[];
}

/** What is wrong with a value: a field that is unknown, of another type, or missing. */
export function problemsOf(value: unknown, shape: Shape, path = 'body'): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [`${path} is no object`];
  }
  const problems = shape.required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => `${path}.${name} is missing`);
  for (const [name, item] of Object.entries(value)) {
    const check = shape.fields[name];
    if (check === undefined) problems.push(`${path}.${name} is unknown to the engine`);
    else if (typeof check !== 'function')
      problems.push(...problemsOf(item, check, `${path}.${name}`));
    else if (!check(item)) problems.push(`${path}.${name} is ${JSON.stringify(item)}`);
  }
  return problems;
}

/** Whether a value has nothing wrong; for items of lists and for choices of shapes. */
export function isOf(value: unknown, shape: Shape): boolean {
  return problemsOf(value, shape).length === 0;
}
