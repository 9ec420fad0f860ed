import { createJustBashBackend } from '../../../../src/sandbox/index.ts';
import { testSandboxContract } from '../contract-suite.ts';

testSandboxContract({
  name: 'just-bash',
  createBackend: () => createJustBashBackend(),
  gaps: {
    processes: 'there are none: `&` runs at once, and `kill` and `trap` are not known',
    signals: 'all of them stop the interpreter at its next step',
    binary: "`printf '\\377'` writes a character and no byte; `cat` and archives are exact",
    devices: '`/dev/stdin` is an empty file',
    streams: 'a script is given its input whole, and its commands answer when they have ended',
  },
});
