import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeFrame,
  encodeFrame,
  encodeLogHeader,
  type Frame,
  frameLength,
  logName,
  logNumber,
} from '../../../src/broker/stores/files/log-format.ts';
import {
  decodeRecordHead,
  encodeRecordHead,
  encodeSegmentHeader,
  isSegmentHeader,
  segmentName,
  segmentNumber,
} from '../../../src/broker/stores/files/segment-format.ts';

const key = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' });
const u32 = fc.nat({ max: 2 ** 32 - 1 });
const offset = fc.maxSafeNat();
const frame: fc.Arbitrary<Frame> = fc.record({
  kind: fc.constantFrom('commit', 'snapshot', 'complete'),
  sequence: fc.maxSafeNat(),
  change: fc.record({
    put: fc.array(fc.record({ key, value: fc.uint8Array() })),
    remove: fc.array(key),
    cites: fc.array(fc.record({ segment: u32, offset, length: u32, crc32: u32, label: key })),
    releases: fc.array(fc.record({ segment: u32, offset })),
  }),
});

test('a frame of the commit log is read as it was written', () => {
  fc.assert(
    fc.property(frame, (given) => {
      const bytes = encodeFrame(given);
      expect(frameLength(bytes)).toBe(bytes.length);
      const read = decodeFrame(bytes)!;
      const put = read.change.put.map(({ key, value }) => ({ key, value: Uint8Array.from(value) }));
      expect({ ...read, change: { ...read.change, put } }).toEqual(given);
    }),
  );
});

test('a frame with any byte changed, or cut anywhere, is none', () => {
  fc.assert(
    fc.property(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, by) => {
      const bytes = encodeFrame(given);
      expect(decodeFrame(bytes.subarray(0, at % bytes.length))).toBeUndefined();
      const place = at % bytes.length;
      // Three bytes of the header are spare, and the CRC covers them too.
      bytes[place] = (bytes[place]! + by) % 256;
      expect(decodeFrame(bytes)).toBeUndefined();
    }),
  );
});

test('the header of a record is read as it was written, and not with any byte changed', () => {
  const payload = fc.record({ length: u32, crc32: u32 });
  fc.assert(
    fc.property(
      key,
      payload,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (label, given, at, by) => {
        const bytes = encodeRecordHead(label, given);
        expect(decodeRecordHead(bytes)).toMatchObject({
          ...{ label, payloadLength: given.length, payloadCrc32: given.crc32 },
        });
        expect(decodeRecordHead(bytes.subarray(0, at % bytes.length))).toBeUndefined();
        bytes[at % bytes.length] = (bytes[at % bytes.length]! + by) % 256;
        expect(decodeRecordHead(bytes)).toBeUndefined();
      },
    ),
  );
});

test('the files of a store are as format 1 has them', () => {
  const id = Uint8Array.from({ length: 16 }, (_, at) => at);
  expect(encodeSegmentHeader(258, id).toString('hex')).toBe(
    '4c4348535345473102010000' + '00000000' + '000102030405060708090a0b0c0d0e0f',
  );
  expect(encodeLogHeader(258, id).toString('hex')).toBe(
    '4c4348534c4f473102010000' + '00000000' + '000102030405060708090a0b0c0d0e0f',
  );
  expect(encodeRecordHead('g/1', { length: 1_000, crc32: 7 }).toString('hex')).toBe(
    '4c48524301000300e80300000700000000000000131e5ad9672f31',
  );
  const change = {
    put: [{ key: 'k', value: Uint8Array.of(1, 2) }],
    remove: ['r'],
    cites: [{ segment: 1, offset: 59, length: 1_000, crc32: 7, label: 'g/1' }],
    releases: [{ segment: 2, offset: 2 ** 40 }],
  };
  const bytes = encodeFrame({ kind: 'commit', sequence: 3, change });
  expect(bytes.toString('hex')).toBe(
    '4c4c4f47000000003500000003000000000000005c923f31010100720201006b02000000010203010000003b00000000000000e8030000070000000300672f3104020000000000000000010000',
  );
});

test('a file is known by its name, and a segment by its store', () => {
  expect([segmentName(7), logName(123_456_789)]).toEqual(['00000007.seg', '123456789.log']);
  expect([segmentNumber('00000007.seg'), logNumber('123456789.log')]).toEqual([7, 123_456_789]);
  for (const name of ['7.seg', '00000007.seg.new', 'a00000007.seg', '00000007.log']) {
    expect(segmentNumber(name)).toBeUndefined();
  }
  const id = new Uint8Array(16);
  const other = new Uint8Array(16).fill(1);
  const header = encodeSegmentHeader(1, id);
  expect(isSegmentHeader(header, 1, id)).toBe(true);
  expect(isSegmentHeader(header, 2, id)).toBe(false);
  expect(isSegmentHeader(header, 1, other)).toBe(false);
  expect(isSegmentHeader(header.subarray(0, 31), 1, id)).toBe(false);
});
