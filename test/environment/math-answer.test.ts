import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markedAnswer, mathEqual } from '../../src/environment/index.ts';

describe('mathEqual', () => {
  it.each<[string, string | number]>([
    ['42', 42],
    ['The answer is 42.', '42'],
    ['#### 1,234', '1234'],
    ['so \\boxed{\\frac{3}{4}}', '0.75'],
    ['\\boxed{\\dfrac{3}{4}}', '3/4'],
    ['\\boxed{-\\frac{1}{2}}', -0.5],
    ['\\boxed{\\frac12}', 0.5],
    ['It is \\frac{3}{4}.', 0.75],
    ['It is 3/4.', '\\frac{3}{4}'],
    ['1 3/4', 1.75],
    ['\\boxed{1\\frac{3}{4}}', 1.75],
    ['\\boxed{45\\%}', '45'],
    ['\\boxed{45\\%}', '0.45'],
    ['that makes 45 percent', 0.45],
    ['0.45', '45%'],
    ['45%', '45 %'],
    ['$1,000.50', '1000.5'],
    ['\\boxed{\\$20}', '20'],
    ['\\boxed{12 \\text{ cm}^2}', '12'],
    ['\\boxed{25\\text{ apples}}', 25],
    ['12 km/h', '12'],
    ['\\boxed{90^\\circ}', '90'],
    ['\\boxed{x = 5}', '5'],
    ['$\\boxed{7}$', '#### 7'],
    ['first \\boxed{1}, no: \\boxed{2}', 2],
    ['\\boxed{10{,}000}', 10000],
    ['1e3', '1000'],
    ['\u22125', -5],
    ['\\boxed{x^2 + 1}', '$x^2+1$'],
    ['\\boxed{\\left(1, 2\\right)}', '(1,2)'],
    ['\\boxed{\\text{Tuesday}}', 'Tuesday'],
    ['0', '0.0'],
    ['\\boxed{0.3333333333}', '1/3'],
  ])('%j is %j', (text, expected) => {
    expect(mathEqual(text, expected)).toBe(true);
  });

  it.each<[string, string | number]>([
    ['41', 42],
    ['', '42'],
    ['', ''],
    ['\\boxed{}', ''],
    ['\\boxed{5x}', '5'],
    ['\\boxed{2\\pi}', '2'],
    ['\\boxed{3 \\text{ or } 4}', '4'],
    ['\\boxed{1 2}', '12'],
    ['42 \\boxed{41}', 42],
    ['\\boxed{x+1}', 1],
    ['0.45', '45'],
    ['\\boxed{1/0}', 'Infinity'],
    ['\\boxed{(1,234)}', '1234'],
    ['\\boxed{0.0000001}', 0],
    ['-5', 5],
    ['\\boxed{0.33}', '1/3'],
  ])('%j is not %j', (text, expected) => {
    expect(mathEqual(text, expected)).toBe(false);
  });

  it('takes another tolerance', () => {
    expect(mathEqual('3.14', Math.PI, { tolerance: 0.001 })).toBe(true);
    expect(mathEqual('3.14', Math.PI)).toBe(false);
  });

  it('finds every finite number equal to itself, however it is marked, and never throws', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(mathEqual(`\\boxed{${number}}`, number)).toBe(true);
        expect(mathEqual(`#### ${number}`, number)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, expected) => {
        expect(typeof mathEqual(text, expected)).toBe('boolean');
        expect(typeof mathEqual(`\\boxed{${text}}`, expected)).toBe('boolean');
      }),
    );
  });

  it('is done with a hostile answer in no time', () => {
    const start = performance.now();
    for (const piece of [
      '\\boxed{',
      '1 ',
      'ab ',
      '1,',
      '9',
      '{',
      '\\text{',
      '$',
      'km/',
      '\\frac{',
    ]) {
      mathEqual(piece.repeat(20_000), '42');
      mathEqual(`\\boxed{${piece.repeat(40)}}`, '42');
    }
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  const gsm8k = '/work/shared/data/gsm8k/test.jsonl';
  it.skipIf(!existsSync(gsm8k))('scores every reference solution of GSM8K as right', () => {
    const lines = readFileSync(gsm8k, 'utf8').trim().split('\n');
    const wrong = lines.filter((line) => {
      const { answer } = JSON.parse(line) as { answer: string };
      return !mathEqual(answer, answer.slice(answer.indexOf('####') + 4).trim());
    });
    expect(wrong).toEqual([]);
  });
});

describe('markedAnswer', () => {
  it.each([
    ['a \\boxed{x_{1}} b', 'x_{1}'],
    ['\\boxed{1} \\boxed{2', '1'],
    ['why\n#### 5\nbye', '5'],
    ['5', undefined],
  ])('%j gives %j', (text, answer) => {
    expect(markedAnswer(text)).toBe(answer);
  });
});
