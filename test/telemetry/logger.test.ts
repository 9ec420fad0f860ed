import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import {
  createLogger,
  formatJsonLine,
  jsonLinesWriter,
  type LogLevel,
  silentLogger,
} from '../../src/telemetry/index.ts';

const now = () => new Date('2026-11-24T05:00:00Z');

function lines(level?: LogLevel) {
  const written: string[] = [];
  const writer = jsonLinesWriter({ write: (text) => written.push(text) });
  const logger = createLogger({ writer, now, ...(level !== undefined && { level }) });
  return { logger, parsed: () => written.map((line) => JSON.parse(line) as unknown), written };
}

describe('logger', () => {
  it("writes one JSON object a line, its own fields under the call's", () => {
    const { logger, written } = lines();
    logger.child({ run: 'r1', step: 1 }).child({ rank: 0 }).info('batch cut', { step: 2 });
    expect(written).toEqual([
      '{"time":"2026-11-24T05:00:00.000Z","level":"info","message":"batch cut","run":"r1","step":2,"rank":0}\n',
    ]);
  });
  it('drops what is below its level, children included', () => {
    const { logger, parsed } = lines('warn');
    logger.info('no');
    logger.child({}).debug('no');
    logger.warn('yes');
    logger.error('yes');
    expect(parsed()).toMatchObject([{ level: 'warn' }, { level: 'error' }]);
  });
  it('prints errors with their kind, reason and causes', () => {
    const { logger, parsed } = lines();
    const cause = new TypeError('no such column');
    const error = new LachesisError('internal', 'broken.', { reason: 'BUG', cause });
    logger.error('failed', { error });
    expect(parsed()).toMatchObject([
      {
        error: {
          name: 'LachesisError',
          kind: 'internal',
          reason: 'BUG',
          message: 'broken.',
          cause: { name: 'TypeError', message: 'no such column' },
        },
      },
    ]);
  });
  it('prints what JSON can not hold, and never lets a field forge the line', () => {
    const { logger, parsed } = lines();
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    logger.info('odd', { big: 10n, nan: Number.NaN, bytes: new Uint8Array(3), level: 'error' });
    logger.info('loop', { loop });
    logger.info('long', { text: 'x'.repeat(10_000) });
    const [odd, looped, long] = parsed() as Record<string, unknown>[];
    expect(odd).toMatchObject({
      level: 'info',
      big: '10',
      nan: 'NaN',
      bytes: '(3 bytes)',
      field_level: 'error',
    });
    expect(looped).toMatchObject({ message: 'loop', fields: ['loop'] });
    expect(String(long?.['text'])).toMatch(/\.\.\. \(10000 characters\)$/);
  });
  it('survives a target that throws', () => {
    const writer = jsonLinesWriter({
      write: () => {
        throw new Error('disk full');
      },
    });
    expect(() => createLogger({ writer }).info('x')).not.toThrow();
  });
  it('formats any record as one parsable line', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, fields) => {
        const line = formatJsonLine({ time: now(), level: 'info', message, fields });
        expect(line).not.toContain('\n');
        expect(JSON.parse(line)).toMatchObject({ level: 'info', message });
      }),
    );
  });
  it('silent writes nothing, nor do its children', () => {
    expect(silentLogger.child({ a: 1 })).toBe(silentLogger);
    expect(() => silentLogger.error('x')).not.toThrow();
  });
});
