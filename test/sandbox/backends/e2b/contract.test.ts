import { afterAll, beforeAll, describe } from 'vitest';
import { createE2bBackend } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { FakeE2b } from '../../../support/e2b/fake-e2b.ts';
import { testSandboxContract } from '../contract-suite.ts';

describe.skipIf(noBoxes !== undefined)("with E2B's own client and a fake of E2B", () => {
  let fake: FakeE2b;
  beforeAll(async () => {
    fake = await FakeE2b.start();
  });
  afterAll(() => fake?.[Symbol.asyncDispose]());

  testSandboxContract({
    name: 'e2b',
    createBackend: () => createE2bBackend(fake.options),
    gaps: {
      pipes: "the fake ends a command's output soon after it, as E2B's own daemon may not",
      devices: "the fake's boxes give an open input as a named pipe, which can't be opened again",
    },
  });
});
