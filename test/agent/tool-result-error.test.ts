import { describe, expect, it } from 'vitest';
import { toolResultError } from '../../src/agent/tool-result-error.ts';

describe('a result has failed as the seed says', () => {
  const table: readonly [text: string, verdict: 'ok' | 'counted' | 'reported', message?: string][] =
    [
      ['plain text', 'ok'],
      ['', 'ok'],
      ['{"error": "no"}', 'counted', 'no'],
      [' {"error": {"code": 1}} ', 'counted', '{"code": 1}'],
      ['{"error": "no", "exit_code": -1}', 'reported', 'no'],
      ['{"exit_code": -1, "error": null}', 'reported', 'nonzero exit_code'],
      ['{"\\u0065rror": "no"}', 'counted', 'no'],
      ['{"exit_code": 1, "error": null}', 'ok'],
      ['{"exit_code": -1.0}', 'ok'],
      ['{"exit_code": -1e0}', 'ok'],
      ['{"exit_code": "-1"}', 'ok'],
      ['{"exit_code": -0}', 'ok'],
      ['{"error": ""}', 'ok'],
      ['{"error": 0}', 'ok'],
      ['{"error": 0.0}', 'ok'],
      ['{"error": []}', 'ok'],
      ['{"error": { }}', 'ok'],
      ['{"error": false}', 'ok'],
      ['{"error": true}', 'counted', 'true'],
      ['{"error": "first", "error": null}', 'ok'],
      ['{"deep": {"error": "no"}}', 'ok'],
      ['[{"error": "no"}]', 'ok'],
      ['{"error": "no"', 'ok'],
      ['{"error": "no"} tail', 'ok'],
    ];
  it.each(table)('%j is %s', (text, verdict, message) => {
    const error = toolResultError(text);
    expect(error === undefined ? 'ok' : error.isReported ? 'reported' : 'counted').toBe(verdict);
    expect(error?.message).toBe(message);
  });

  it('is linear on hostile text', () => {
    const start = performance.now();
    for (const unit of ['{"', '"\\', '{"a":', '\\u']) toolResultError(`{${unit.repeat(500_000)}`);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
