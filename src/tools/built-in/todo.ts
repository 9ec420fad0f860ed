import { invalidInput } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../messages.ts';
import type { AnyTool } from '../tool-handler.ts';
import { flagArgument } from './arguments.ts';
import { builtInTool } from './built-in-tool.ts';

const STATUSES = ['pending', 'in_progress', 'completed', 'cancelled'] as const;
type Status = (typeof STATUSES)[number];

interface Todo {
  readonly id: string;
  readonly content: string;
  readonly status: Status;
}

const MAX_TODOS = 1_000;

/** `todo`: the agent's own list; each rollout has one, by its sandbox. */
export function todoTool(): AnyTool {
  /** Ends with the sandbox's handle, which ends with its rollout. */
  const lists = new WeakMap<object, readonly Todo[]>();
  return builtInTool({
    name: 'todo',
    description:
      'Your list of what is to be done. Without todos it is read; with them it is replaced, or with merge=true ' +
      'changed by id. Keep one item in_progress, and mark items completed as soon as they are.',
    properties: {
      todos: {
        type: 'array',
        description: 'The items to write; leave out to read.',
        items: {
          type: 'object',
          properties: {
            id: { type: 'string', description: 'Your own name of the item.' },
            content: { type: 'string', description: 'What is to be done.' },
            status: { type: 'string', enum: [...STATUSES] },
          },
          required: ['id', 'content', 'status'],
        },
      },
      merge: {
        type: 'boolean',
        description: 'True: change items by id and add new ones. False: replace the list.',
        default: false,
      },
    },
    required: [],
    run: (args, { sandbox }) => {
      // Says so when there is none.
      void sandbox.id;
      let list = lists.get(sandbox) ?? [];
      const given = args['todos'];
      if (given !== undefined && given !== null) {
        const items = itemsOf(given);
        list = flagArgument(args, 'merge') ? merged(list, items) : replaced(items);
        lists.set(sandbox, list);
      }
      return resultOf(list);
    },
  });
}

function itemsOf(given: JsonValue): readonly JsonObject[] {
  if (!Array.isArray(given)) throw invalidInput('todos', 'is no list.');
  if (given.length > MAX_TODOS) throw invalidInput('todos', `has more than ${MAX_TODOS} items.`);
  return given.map((item, i) => {
    if (typeof item === 'object' && item !== null && !Array.isArray(item))
      return item as JsonObject;
    throw invalidInput(`todos[${i}]`, 'is no object.');
  });
}

/** Of items with one id the last one counts, and where it stands. */
function replaced(items: readonly JsonObject[]): readonly Todo[] {
  const byId = new Map<string, Todo>();
  for (const item of items) {
    const todo = {
      id: wordOf(item['id']) || '?',
      content: wordOf(item['content']) || '(no description)',
      status: statusOf(item['status']) ?? 'pending',
    };
    byId.delete(todo.id);
    byId.set(todo.id, todo);
  }
  return [...byId.values()];
}

function merged(list: readonly Todo[], items: readonly JsonObject[]): readonly Todo[] {
  const byId = new Map(list.map((todo) => [todo.id, todo]));
  for (const item of items) {
    const id = wordOf(item['id']);
    if (id === '') continue;
    const old = byId.get(id);
    const content = wordOf(item['content']) || old?.content || '(no description)';
    byId.set(id, { id, content, status: statusOf(item['status']) ?? old?.status ?? 'pending' });
  }
  return [...byId.values()].slice(0, MAX_TODOS);
}

function wordOf(value: JsonValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

function statusOf(value: JsonValue | undefined): Status | undefined {
  const word = wordOf(value).toLowerCase();
  return STATUSES.find((status) => status === word);
}

function resultOf(list: readonly Todo[]): JsonObject {
  const count = (status: Status): number => list.filter((todo) => todo.status === status).length;
  return {
    todos: list.map((todo) => ({ ...todo })),
    summary: {
      total: list.length,
      pending: count('pending'),
      in_progress: count('in_progress'),
      completed: count('completed'),
      cancelled: count('cancelled'),
    },
  };
}
