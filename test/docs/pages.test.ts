import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { BACKEND_NAMES } from '../../src/sandbox/index.ts';

const docs = path.resolve(import.meta.dirname, '../../docs');
const pages = readdirSync(docs).filter((name) => name.endsWith('.md'));

/** As GitHub makes them: lower case, hyphens for spaces, of all else letters and digits alone. */
function anchors(file: string): ReadonlySet<string> {
  const text = readFileSync(file, 'utf8').replaceAll(/```[\s\S]*?```/g, '');
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test.each(pages)('every link of %s leads to a file and a heading that are there', (page) => {
  const text = readFileSync(path.join(docs, page), 'utf8').replaceAll(/```[\s\S]*?```/g, '');
  const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => {
      if (/^\w+:/.test(link)) return false;
      const [name = '', anchor] = link.split('#');
      const file = name === '' ? path.join(docs, page) : path.join(docs, name);
      if (!existsSync(file)) return true;
      return anchor !== undefined && !anchors(file).has(anchor);
    });
  expect(broken).toEqual([]);
});

test('no page calls a service unbuilt', () => {
  for (const page of pages) {
    expect(readFileSync(path.join(docs, page), 'utf8')).not.toMatch(/not built yet/);
  }
});

test.each(BACKEND_NAMES)('the pages tell how `%s` is chosen and what it keeps out', (name) => {
  const read = (page: string): string => readFileSync(path.join(docs, page), 'utf8');
  expect(read('isolation.md')).toMatch(new RegExp(`^\\| \`--sandbox NAME\` \\|.*\`${name}\``, 'm'));
  expect(read('security.md')).toMatch(
    new RegExp(`^\\| \`(strong|namespace|simulated|process)\` \\|[^|]*\`${name}\``, 'm'),
  );
});
