import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { LachesisError } from '../../src/errors.ts';
import {
  createToolRegistry,
  isStandardSchema,
  noModel,
  noSandbox,
  type StandardSchema,
  standardSchemaToJsonSchema,
  type ToolContext,
  tool,
} from '../../src/tools/index.ts';

const context: ToolContext = {
  rolloutId: 'r',
  turn: 1,
  state: { total: 0 },
  settings: {},
  model: noModel,
  sandbox: noSandbox,
  signal: new AbortController().signal,
};
const add = tool({
  name: 'add',
  description: 'Adds.',
  parameters: z.object({
    a: z.number(),
    b: z.coerce.number().default(1),
    tags: z.array(z.string()).optional(),
  }),
  execute: (args) => {
    expectTypeOf(args).toEqualTypeOf<{ a: number; b: number; tags?: string[] | undefined }>();
    return { sum: args.a + args.b };
  },
});
const count = tool({
  name: 'count',
  description: 'Counts up.',
  parameters: { type: 'object', properties: { by: { type: 'number' } } },
  timeoutMs: 5,
  execute: async (args, { state }: ToolContext<{ total: number }>) => {
    state.total += Number(args['by']);
    return state.total;
  },
});
const invocation = (name: string, args: object) => ({
  callId: 'c',
  name,
  arguments: args as never,
  argumentsText: JSON.stringify(args),
});

describe('tool()', () => {
  it('tells the model the JSON Schema of a Standard Schema', () => {
    expect(add.definition).toMatchObject({
      name: 'add',
      parameters: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } },
    });
    expect(add.definition.parameters).not.toHaveProperty('$schema');
  });

  it('runs with what the schema made of the arguments', async () => {
    expect(await add.execute({ a: 1, b: '2' }, context)).toBe('{"sum":3}');
    expect(await add.execute({ a: 1 }, context)).toBe('{"sum":2}');
  });

  it('answers what the schema refuses, with its path', async () => {
    const text = await add.execute({ a: 'x', tags: ['ok', 5] }, context);
    expect(JSON.parse(text).error).toMatch(/^Invalid arguments for add: a: .*; tags\[1\]: /);
  });

  it('gives arguments of a JSON Schema as they are', async () => {
    const state = { total: 1 };
    expect(await count.execute({ by: '4' }, { ...context, state })).toBe('5');
  });

  it.each([
    ['text', 'plain', 'plain'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['null', null, 'null'],
    ['nothing', undefined as never, 'null'],
  ])('gives %s to the model as text', async (_name, output, text) => {
    const echo = tool({
      name: 'e',
      description: '',
      parameters: { type: 'object' },
      execute: () => output,
    });
    expect(await echo.execute({}, context)).toBe(text);
  });

  it('refuses definitions that no model could use', () => {
    const execute = () => '';
    expect(() =>
      tool({ name: 'a b', description: '', parameters: { type: 'object' }, execute }),
    ).toThrow('no tool name');
    expect(() => tool({ name: 'a', description: '', parameters: z.string(), execute })).toThrow(
      'must describe an object',
    );
    expect(() =>
      tool({ name: 'a', description: '', parameters: { type: 'object' }, timeoutMs: 0, execute }),
    ).toThrow('above 0');
    expect(() =>
      tool({ name: 'a', description: '', parameters: z.object({ d: z.date() }), execute }),
    ).toThrow('give `jsonSchema` beside it');
  });

  it('takes a JSON Schema beside a Standard Schema that cannot say one', async () => {
    const parameters: StandardSchema<{ n: number }> = {
      '~standard': { version: 1, vendor: 'mine', validate: () => ({ value: { n: 7 } }) },
    };
    const options = {
      name: 'a',
      description: '',
      parameters,
      execute: (args: { n: number }) => args.n,
    };
    expect(() => tool(options)).toThrow("this mine schema can't say its JSON Schema");
    const made = tool({ ...options, jsonSchema: { type: 'object', title: 'mine' } });
    expect(made.definition.parameters).toEqual({ type: 'object', title: 'mine' });
    expect(await made.execute({}, context)).toBe('7');
  });

  it('knows a Standard Schema when it sees one', () => {
    expect([z.object({}), { type: 'object' }, null, 5].map(isStandardSchema)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(standardSchemaToJsonSchema(z.object({}), { field: 'f' })).toMatchObject({
      type: 'object',
    });
  });
});

describe('the registry', () => {
  const failing = (error: unknown) =>
    tool({
      name: 'fail',
      description: '',
      parameters: { type: 'object' },
      execute: () => {
        throw error;
      },
    });
  const registry = createToolRegistry([count, add, failing(new TypeError('no'))]);

  it('lists its tools', () => {
    expect(registry.names).toEqual(['add', 'count', 'fail']);
    expect(registry.definitions.map(({ name }) => name)).toEqual(['count', 'add', 'fail']);
    expect([registry.has('add'), registry.has('toString')]).toEqual([true, false]);
    expect([registry.timeoutMs('count'), registry.timeoutMs('add')]).toEqual([5, undefined]);
    expect(() => createToolRegistry([add, add])).toThrow('two tools are named "add"');
  });

  it('dispatches', async () => {
    expect(await registry.handleFunctionCall(invocation('add', { a: 1 }), context)).toBe(
      '{"sum":2}',
    );
  });

  it('answers unknown tools and failures', async () => {
    expect(await registry.handleFunctionCall(invocation('x', {}), context)).toBe(
      `{"error":"Unknown tool 'x'. Available tools: ['add', 'count', 'fail']"}`,
    );
    expect(await registry.handleFunctionCall(invocation('fail', {}), context)).toBe(
      '{"error":"Tool execution failed: TypeError: no"}',
    );
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const odd = tool({
      name: 'odd',
      description: '',
      parameters: { type: 'object' },
      execute: () => cyclic as never,
    });
    expect(
      await createToolRegistry([odd]).handleFunctionCall(invocation('odd', {}), context),
    ).toContain('Tool execution failed: TypeError');
  });

  it('lets an abort and a failure of the infrastructure through', async () => {
    const aborted = new AbortController();
    aborted.abort(new Error('stop'));
    // What it threw is of no interest then.
    const call = invocation('fail', {});
    await expect(
      registry.handleFunctionCall(call, { ...context, signal: aborted.signal }),
    ).rejects.toThrow('stop');
    const lost = new LachesisError('infrastructure_error', 'The sandbox is gone.', {
      reason: 'SANDBOX_LOST',
    });
    const { handleFunctionCall } = createToolRegistry([failing(lost)]);
    await expect(handleFunctionCall(invocation('fail', {}), context)).rejects.toBe(lost);
  });
});
