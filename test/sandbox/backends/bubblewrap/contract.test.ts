import { createBubblewrapBackend } from '../../../../src/sandbox/index.ts';
import { testSandboxContract } from '../contract-suite.ts';

testSandboxContract({ name: 'bubblewrap', createBackend: () => createBubblewrapBackend() });
