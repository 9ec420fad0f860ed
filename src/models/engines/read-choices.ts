import type { JsonObject } from '../../messages.ts';
import type { EngineGeneration } from '../engine.ts';
import type { EngineLink } from './http-engine.ts';

/**
 * The choices of an answer in the order of their `index`, each of the `n` once. Where one was asked for and one
 * came, it is that one, whatever it is numbered.
 */
export function readChoices(
  { reader }: EngineLink,
  value: unknown,
  n: number,
  read: (choice: JsonObject, path: string) => EngineGeneration,
): readonly EngineGeneration[] {
  const list = reader.list(value, 'choices');
  if (list.length !== n) throw reader.bad('choices', `holds ${list.length} of ${n} continuations`);
  const placed = new Map<number, EngineGeneration>();
  list.forEach((item, at) => {
    const path = `choices[${at}]`;
    const choice = reader.object(item, path);
    const index = n === 1 ? 0 : choice['index'];
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= n) {
      const said = reader.quote(JSON.stringify(index) ?? 'missing');
      throw reader.bad(`${path}.index`, `is ${said}, and ${n} continuations were asked for`);
    }
    if (placed.has(index as number)) throw reader.bad(`${path}.index`, `is ${index} again`);
    placed.set(index as number, read(choice, path));
  });
  return Array.from({ length: n }, (_, index) => placed.get(index) as EngineGeneration);
}
