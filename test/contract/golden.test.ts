import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromBinary, fromJsonString, toBinary, toJson } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import { buf, root } from '../../scripts/generate.ts';
import {
  contractFiles,
  type GoldenFixture,
  goldenFixtures,
  goldenFolder,
} from '../../scripts/golden.ts';
import { ensurePython, pythonSource } from '../../scripts/python.ts';
import { inFieldOrder } from './support/field-order.ts';
import {
  containerImage,
  containerType,
  packBinary,
  packJson,
  unpackBinary,
} from './support/golden-container.ts';

const python = await ensurePython();
const fixtures: readonly GoldenFixture[] = goldenFixtures().map((fixture) => ({
  ...fixture,
  binary: readFileSync(path.join(goldenFolder, `${fixture.name}.binpb`)),
  json: readFileSync(path.join(goldenFolder, `${fixture.name}.json`), 'utf8'),
}));

describe('golden fixtures', () => {
  it('cover every message and every oneof case of the contract', () => {
    const files = contractFiles.map((file) => `${path.basename(file.name)}.proto`);
    expect(files).toEqual(readdirSync(path.join(root, 'proto', 'lachesis', 'v1')).sort());
    const names = goldenFixtures().map(({ name }) => name);
    const found = new Set(readdirSync(goldenFolder).map((file) => path.parse(file).name));
    expect([...found].sort()).toEqual([...names].sort());
  });

  it('are what scripts/golden.ts writes', () => {
    for (const fresh of goldenFixtures()) {
      const committed = fixtures.find(({ name }) => name === fresh.name);
      const same =
        committed?.json === fresh.json && Buffer.from(fresh.binary).equals(committed.binary);
      expect(same, `${fresh.name}: run node scripts/run.mjs scripts/golden.ts`).toBe(true);
    }
  });

  it.each(fixtures)('$name is re-encoded identically by protobuf-es', ({ desc, binary, json }) => {
    const message = fromBinary(desc, binary);
    expect(Buffer.from(toBinary(desc, message)).equals(binary)).toBe(true);
    expect(toJson(desc, message)).toEqual(JSON.parse(json));
    expect(Buffer.from(toBinary(desc, fromJsonString(desc, json))).equals(binary)).toBe(true);
  });
});

describe('golden fixtures by buf (Go)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-golden-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string) => path.join(folder, name);
  const convert = (from: string, to: string) => {
    buf('convert', file('image.binpb'), `--type=${containerType}`, '--from', from, '--to', to);
    return readFileSync(to);
  };
  const expectSame = (container: Uint8Array) => {
    const found = unpackBinary(container);
    for (const [index, { name, desc, binary }] of fixtures.entries()) {
      const same = Buffer.from(inFieldOrder(desc, found.get(index) ?? new Uint8Array(0)));
      expect(same.equals(binary), name).toBe(true);
    }
  };
  writeFileSync(file('image.binpb'), containerImage(fixtures));
  writeFileSync(file('in.binpb'), packBinary(fixtures));
  writeFileSync(file('in.json'), packJson(fixtures));

  it('are re-encoded identically from binary to binary', () => {
    expectSame(convert(file('in.binpb'), file('out.binpb')));
  });

  it('are the same JSON', () => {
    const json = JSON.parse(convert(file('in.binpb'), file('out.json')).toString());
    for (const [index, fixture] of fixtures.entries()) {
      expect(json[`fixture${index + 1}`], fixture.name).toEqual(JSON.parse(fixture.json));
    }
  });

  it('are re-encoded identically from JSON to binary', () => {
    expectSame(convert(file('in.json'), file('out2.binpb')));
  });
});

const why = 'skipped' in python ? `: skipped, ${python.skipped}` : '';
describe.skipIf('skipped' in python)(`golden fixtures by Python${why}`, () => {
  it('are re-encoded identically, binary and JSON', () => {
    if ('skipped' in python) return;
    const script = path.join(root, 'python', 'tests', 'golden.py');
    const done = spawnSync(python.python, [script, goldenFolder], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: pythonSource },
      timeout: 30_000,
    });
    expect(done.stderr).toBe('');
    const { checked, problems } = JSON.parse(done.stdout);
    expect(problems).toEqual([]);
    expect(checked).toHaveLength(fixtures.length);
  });
});
