import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  depthOf,
  listSlices,
  objectSlices,
  withoutPythonNumbers,
} from '../../../src/gateways/atropos/json-slices.ts';

test('slices of an object are its values, whatever the spacing', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
      fc.constantFrom(undefined, 1, '\t'),
      (object, space) => {
        const slices = objectSlices(` ${JSON.stringify(object, null, space)}\n`);
        expect([...slices.keys()]).toEqual(Object.keys(object));
        for (const [key, text] of slices) {
          expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(object[key])));
          expect(text).toBe(text.trim());
        }
      },
    ),
  );
});

test('slices of a list are its elements', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2), (items, space) => {
      const slices = listSlices(JSON.stringify(items, null, space));
      expect(slices.map((text) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(items)));
    }),
  );
});

test('a key that comes twice has its last value, as parsing gives it', () => {
  expect(objectSlices('{"a": 1, "b":2 , "a" :[3]}').get('a')).toBe('[3]');
});

test('depth counts lists and objects, and no brackets in strings', () => {
  expect(depthOf('1')).toBe(0);
  expect(depthOf('{"[[[": "\\"[[", "a": [[]]}')).toBe(3);
});

test("Python's numbers are found outside of strings alone", () => {
  expect(withoutPythonNumbers('{"NaN": "Infinity", "a": 1}')).toBeUndefined();
  expect(withoutPythonNumbers('["NaN\\"", NaN, -Infinity]')).toBe(
    '["NaN\\"", "\\u0000NaN", -1e999]',
  );
});
