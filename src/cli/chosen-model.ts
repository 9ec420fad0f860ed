import type { ModelServer } from '../models/index.ts';
import type { EmbeddedPolicy } from '../policy/index.ts';

/** What plays, until it is disposed of. */
export interface ChosenModel extends AsyncDisposable {
  readonly modelServer: ModelServer;
  /** Set when the embedded policy plays: the server then offers it as PolicyService too. */
  readonly policy: EmbeddedPolicy | undefined;
  /** In words, for the ready line. */
  readonly description: string;
  /** What it goes on from, a line each. Default: none. */
  readonly lines?: readonly string[];
}
