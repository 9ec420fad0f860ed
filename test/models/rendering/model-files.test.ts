import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createScriptedEngine, readModelRenderer } from '../../../src/models/index.ts';
import { serve } from '../../docs/snippets/real-model.ts';
import { byteTokenizer, user } from './byte-model.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folderOf(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-model-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

const template =
  "{% for m in messages %}{{ ('<|assistant|>' if m.role == 'assistant' else '<|user|>') + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
const model = {
  'tokenizer.json': byteTokenizer(['<|user|>', '<|assistant|>', '<|end|>', '<|stop|>']),
  'tokenizer_config.json': { eos_token: '<|end|>', chat_template: template },
  'generation_config.json': { eos_token_id: [264] },
};

test('a folder is all that a renderer needs, and docs/rendering.md’s server plays with it', async () => {
  const lines: string[] = [];
  const engine = createScriptedEngine({ replies: [{ tokenIds: [104, 101, 263] }] });
  const server = await serve(folderOf(model), engine, (line) => lines.push(line));
  expect(lines.join()).toContain('rendering: extends call > tool');
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 0 });
  const { message } = await session.complete(
    { messages: [user('hello')], tools: [], sampling: {} },
    { signal: AbortSignal.timeout(5_000) },
  );
  expect(message.content).toEqual([{ kind: 'text', text: 'he' }]);
  expect(engine.calls[0]!.request.sampling.stopTokenIds).toEqual([263, 264]);
  await server.close();
});

test('a template of its own file comes before the config’s, and a given one before both', async () => {
  const own = template.replaceAll('m.content', "m.content + '!'");
  const folder = folderOf({ ...model, 'chat_template.jinja': own });
  const plain = await readModelRenderer(folderOf(model));
  const file = await readModelRenderer(folder);
  const given = await readModelRenderer(folder, { template });
  expect(file.fingerprint.templateSha256).not.toBe(plain.fingerprint.templateSha256);
  expect(given.fingerprint).toEqual(plain.fingerprint);
});

test('several templates in the config: the one for tools where there are tools, else the default', async () => {
  // At its edges is what Jinja takes off, or doesn't: spaces before a block, line breaks, spaces at the end.
  const toolUse = `  {% set n = 1 %}\n\n${template}\n  {{ n }}\n  `;
  const chat_template = [
    { name: 'default', template: template.replaceAll('m.content', "'d'") },
    { name: 'tool_use', template: toolUse },
    { name: 'rag', template: 'r' },
  ];
  const text = async (files: Readonly<Record<string, unknown>>, tools: typeof given) => {
    const renderer = await readModelRenderer(folderOf({ ...model, ...files }), {
      stopTokenIds: [263],
    });
    const pieces = renderer.render([user('x')], tools);
    return pieces.map(({ tokenIds }) => renderer.decode(tokenIds)).join('');
  };
  const given = [{ name: 'f', description: 'd', parameters: {} }];
  const config = { 'tokenizer_config.json': { chat_template } };
  const plain = '<|user|>d<|end|><|assistant|>';
  expect(await text(config, [])).toBe(plain);
  expect(await text(config, given)).toBe(await text({ 'chat_template.jinja': toolUse }, given));
  const alone = (name: string) => chat_template.filter((one) => one.name === name);
  const only = (name: string) => ({ 'tokenizer_config.json': { chat_template: alone(name) } });
  expect(await text(only('default'), given)).toBe(plain);
  expect(await text(only('tool_use'), given)).toBe(await text(config, given));
});

test.each([
  [{}, 'NO_TOKENIZER'],
  [{ 'tokenizer.json': model['tokenizer.json'] }, 'NO_TEMPLATE'],
  [{ ...model, 'tokenizer.json': '{' }, 'INVALID_FIELD'],
  [{ ...model, 'tokenizer.json': '{}' }, 'INVALID_FIELD'],
  [{ ...model, 'chat_template.jinja': '{% if' }, 'TEMPLATE_SYNTAX'],
])('files that can’t be used are typed errors (%#)', async (files, reason) => {
  await expect(readModelRenderer(folderOf(files))).rejects.toMatchObject({ reason });
});

test('a path that leads nowhere is a typed error that names it', async () => {
  const nowhere = path.join(folderOf({}), 'model.gguf');
  const error = await readModelRenderer(nowhere).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'not_found', reason: 'NO_TOKENIZER' });
  expect(String(error)).toContain(nowhere);
});
