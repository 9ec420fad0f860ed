// Grade-school maths (GSM8K): a calculator tool, and a reward for the right final number.
// Serve it with `--data test.jsonl`, or a URL: lines of {"question": ..., "answer": "... #### 18"}.
import { defineEnvironment, finalNumber, type JsonValue, jsonl, tool } from 'lachesis';
import { z } from 'zod';

/** A line of the file; one without a number to compare with could only ever be scored wrongly. */
function problem(line: JsonValue): { readonly question: string; readonly answer: string } {
  const { question, answer } = (line ?? {}) as { readonly [field: string]: JsonValue };
  if (typeof question !== 'string') throw new Error('it has no text `question`');
  if (typeof answer !== 'string' || finalNumber(answer) === undefined)
    throw new Error('it has no `answer` that holds a number');
  return { question, answer };
}

/** Sums, products, powers and brackets, by precedence. Only thousands may be set off by commas. */
export function calculate(expression: string): number {
  const plain = expression.replace(/(?<=\d),(?=\d{3}(?!\d))/g, '');
  const tokens = plain.match(/\d+\.?\d*|\.\d+|\*\*|[-+*/%^()]|\S/g) ?? [];
  let at = 0;
  const take = (...wanted: string[]) =>
    wanted.includes(tokens[at] ?? '') ? tokens[at++] : undefined;
  const unary = (): number => {
    if (take('-')) return -unary();
    if (take('+')) return unary();
    const base = atom();
    return take('^', '**') ? base ** unary() : base;
  };
  const atom = (): number => {
    if (take('(')) {
      const inner = sum();
      if (!take(')')) throw new Error('a closing bracket is missing');
      return inner;
    }
    const token = tokens[at++];
    if (!/^\.?\d/.test(token ?? '')) throw new Error(`unexpected ${token ?? 'end'}`);
    return Number(token);
  };
  const product = (): number => {
    let value = unary();
    for (let sign = take('*', '/', '%'); sign; sign = take('*', '/', '%')) {
      const right = unary();
      value = sign === '*' ? value * right : sign === '/' ? value / right : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = take('+', '-'); sign; sign = take('+', '-'))
      value += sign === '+' ? product() : -product();
    return value;
  };
  const result = sum();
  if (at < tokens.length) throw new Error(`unexpected ${tokens[at]}`);
  if (!Number.isFinite(result)) throw new Error('no finite result');
  return Number(result.toPrecision(15)); // 0.1 + 0.2 is 0.3 to a pupil
}

export default defineEnvironment({
  name: 'gsm8k',
  version: '1',
  description: 'Word problems of grade-school maths, with a calculator.',
  settings: z.object({ data: z.string().describe('A JSONL file of problems, or its URL.') }),
  tasks: ({ data }) => jsonl(data, { map: problem }),
  tools: [
    tool({
      name: 'calculator',
      description: 'Evaluates an arithmetic expression such as "(3 + 4) * 2".',
      parameters: z.object({ expression: z.string().max(1000) }),
      execute: ({ expression }) => String(calculate(expression)),
    }),
  ],
  systemPrompt: 'Solve the problem. Use the calculator. End with the final number alone.',
  prompt: (task) => task.data.question,
  reward: ({ task, finalText }) =>
    finalNumber(finalText) === finalNumber(task.data.answer) ? 1 : 0,
  solution: (task) => task.data.answer,
  maxTurns: 8,
});
