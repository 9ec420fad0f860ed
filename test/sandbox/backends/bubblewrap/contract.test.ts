import { describe } from 'vitest';
import { createBubblewrapBackend } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { testSandboxContract } from '../contract-suite.ts';

describe.skipIf(noBoxes !== undefined)('with bubblewrap', () => {
  testSandboxContract({ name: 'bubblewrap', createBackend: () => createBubblewrapBackend() });
});
