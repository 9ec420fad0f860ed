import { setTimeout as pause } from 'node:timers/promises';
import { startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { Command, ProcessExit, SandboxProcess } from '../../contract/command.ts';
import { sandboxEndedByTenant, sandboxFault, sandboxGone } from '../../contract/faults.ts';
import type { SandboxStatus } from '../../contract/sandbox.ts';
import { adoptChild } from '../../exec/adopt-child.ts';
import type { SandboxCore } from '../../exec/complete-sandbox.ts';
import type { CommandPipes } from '../local/command-pipes.ts';
import { commandArguments } from '../local/command-script.ts';
import { withoutDescriptors } from '../local/inherited-descriptors.ts';
import { descendants, isAlive, processFacts, sendSignal } from '../local/process-table.ts';
import { BASE_ENV, type BoxPlan } from './box-plan.ts';
import { entryArguments, flagOf, namespaceOf, startChild } from './entry.ts';
import type { HostTools } from './host-tools.ts';
import { endBox, type LaunchedBox } from './launch.ts';

/** The script of a box's first process: it says which limits its shell knows, and ends with our end of its input. */
export const BOX_SCRIPT =
  'ulimit -u >/dev/null 2>&1 && f=u || f=p; echo "ready $f"; while read -r _; do :; done';

/** For the kernel to end all processes of a box. */
const END_TIMEOUT_MS = 10_000;
/** For what runs in a box to be ended without it: what makes more of itself may need several. */
const SWEEP_ROUNDS = 50;
const SWEEP_PAUSE_MS = 5;
/** For a box whose first process was seen dead to be reported as ended. */
const GONE_TIMEOUT_MS = 2_000;

export interface BoxOptions {
  readonly id: string;
  readonly plan: BoxPlan;
  readonly launched: LaunchedBox;
  readonly tools: HostTools;
  readonly identity: { readonly uid: number; readonly gid: number } | undefined;
  readonly inherited: readonly number[];
  readonly openPipes: (stdin: Command['stdin']) => Promise<CommandPipes>;
}

/** One live box, entered anew by every command. */
export class Box implements SandboxCore {
  readonly id: string;
  readonly backend = 'bubblewrap';
  readonly isolation = 'namespace';
  readonly workdir: string;
  readonly plan: BoxPlan;
  /** The host's number of the box's first process. */
  readonly initPid: number;
  /** Resolves once all of it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Host process ids of the commands under way. */
  readonly running = new Set<number>();
  /** Since the watcher last saw it with nothing in it. */
  wasUsed = false;
  readonly #options: BoxOptions;
  readonly #entry: readonly string[];
  readonly #pidNamespace: string;
  readonly #payloadPid: number;
  #goneWhy: string | undefined;
  /** What ran in it had it ended, and not the host. */
  #byTenant = false;

  constructor(options: BoxOptions) {
    const { launched, tools, plan } = options;
    this.id = options.id;
    this.plan = plan;
    this.workdir = plan.workdir;
    this.#options = options;
    this.initPid = launched.initPid;
    this.#payloadPid = descendants([launched.initPid])[0] ?? launched.initPid;
    this.#pidNamespace = namespaceOf(launched.initPid, 'pid');
    this.#entry = entryArguments(tools, launched.initPid, plan, flagOf(launched.greeting));
    this.ended = launched.ended.then(() => {
      this.#endedFromInside();
      for (const stream of [launched.stdin, launched.stdout]) stream.destroy();
    });
  }

  async start(command: Command, signal: AbortSignal | undefined): Promise<SandboxProcess> {
    this.#assertThere();
    const pipes = await this.#options.openPipes(command.stdin);
    try {
      // The number of a process that ended may be another's by now.
      this.#assertThere();
      signal?.throwIfAborted();
      return this.#run(command, pipes);
    } catch (error) {
      pipes.closeChildEnds();
      pipes.destroy();
      throw error;
    }
  }

  async status(): Promise<SandboxStatus> {
    return this.#isThere() ? 'running' : 'gone';
  }

  terminate(): Promise<void> {
    return this.end('it was terminated');
  }

  /** Ends all that runs in it, for this reason; `breach` when it is what runs there that gave it. */
  async end(why: string, cause: 'host' | 'breach' = 'host'): Promise<void> {
    if (this.#goneWhy === undefined) this.#byTenant = cause === 'breach';
    this.#goneWhy ??= why;
    using patience = startDeadline({
      timeoutMs: END_TIMEOUT_MS,
      reason: () =>
        sandboxFault(`Sandbox ${this.id} could not be ended`, new Error('it outlived SIGKILL')),
    });
    endBox(this.#options.launched);
    this.collect();
    await untilAborted(this.ended, { signal: patience });
  }

  async endCommands(): Promise<void> {
    for (let round = 0; round < SWEEP_ROUNDS; round++) {
      this.#assertThere();
      this.collect();
      const left = this.processes().filter(isAlive);
      if (left.length === 0) return;
      for (const pid of left) sendSignal(pid, 'SIGKILL');
      await pause(SWEEP_PAUSE_MS);
    }
    throw sandboxFault(`Sandbox ${this.id} is not at rest`, new Error('processes outlive SIGKILL'));
  }

  /** All processes in it, as the host numbers them, without the two that it is made of. */
  processes(): readonly number[] {
    const inside = descendants([this.initPid, ...this.running]);
    return inside.filter((pid) => pid !== this.#payloadPid);
  }

  /**
   * nsenter stops with the command that it waits for, and then takes no notice of its end: the command would never
   * be collected, nor the box. Woken it does; one whose command is only stopped is left as it is.
   */
  collect(): void {
    for (const pid of this.running) {
      const isStopped = processFacts(pid)?.state === 'T';
      if (isStopped && !descendants([pid]).some(isAlive)) sendSignal(pid, 'SIGCONT');
    }
  }

  #run(command: Command, pipes: CommandPipes): SandboxProcess {
    const { plan, identity, inherited } = this.#options;
    const env = { ...BASE_ENV, ...plan.env, ...command.env };
    const words = commandArguments(command.cwd ?? plan.workdir, env, command.argv);
    const [program = '', ...args] = withoutDescriptors(inherited, [...this.#entry, ...words]);
    const child = startChild(program, args, pipes, identity);
    pipes.closeChildEnds();
    const { pid } = child;
    this.wasUsed = true;
    if (pid !== undefined) this.running.add(pid);
    child.once('error', () => pipes.closeMark());
    let killed = false;
    return adoptChild(child, {
      stdin: command.stdin,
      streams: pipes,
      kill: (signal) => {
        killed = true;
        if (pid !== undefined) this.#signalGroup(pid, signal);
      },
      judge: async (exit) => {
        if (pid !== undefined) this.running.delete(pid);
        const hasBegun = pipes.closeMark();
        // It may have left some that took no notice of being told to end.
        if (killed && pid !== undefined) this.#sweep(pid);
        return await this.#judge(exit, { hasBegun, killed });
      },
    });
  }

  async #judge(
    exit: ProcessExit,
    { hasBegun, killed }: { readonly hasBegun: boolean; readonly killed: boolean },
  ): Promise<ProcessExit> {
    if (exit.code === 0) return exit;
    if (!this.#isThere()) {
      using patience = startDeadline({ timeoutMs: GONE_TIMEOUT_MS, reason: () => undefined });
      await untilAborted(this.ended, { signal: patience }).catch(() => {});
      throw this.#gone();
    }
    if (hasBegun || killed || exit.signal !== undefined) return exit;
    throw new LachesisError(
      'infrastructure_error',
      `The command was not begun: nsenter ended with ${exit.code}; its words are on stderr.`,
      { reason: 'SANDBOX_FAULT' },
    );
  }

  /**
   * Its group is numbered after the process that entered the box, which is told nothing, not even to end: it has
   * to collect the command. Where our PID namespace has no init that collects orphans (a server that is PID 1 of
   * a container), one left over would keep the whole box from ending.
   */
  #signalGroup(entryPid: number, signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void {
    const members = this.#groupMembers(entryPid);
    // Before it has entered there is only the one that is about to.
    for (const pid of members.length > 0 ? members : [entryPid]) sendSignal(pid, signal);
    // What is stopped takes notice of nothing but SIGKILL, and who entered stopped with it.
    for (const pid of [...members, entryPid]) sendSignal(pid, 'SIGCONT');
  }

  #groupMembers(entryPid: number): readonly number[] {
    const inside = descendants([this.initPid, entryPid]);
    return inside.filter((pid) => processFacts(pid)?.group === entryPid);
  }

  #sweep(entryPid: number): void {
    if (!this.#isThere()) return;
    // What is being ended makes no more; a few rounds find what was made meanwhile.
    for (let round = 0; round < 3; round++) {
      const left = this.#groupMembers(entryPid).filter(isAlive);
      if (left.length === 0) return;
      // All at once, so that none makes another meanwhile; who entered has ended by now.
      sendSignal(-entryPid, 'SIGKILL');
    }
  }

  #isThere(): boolean {
    return this.#goneWhy === undefined && isAlive(this.#payloadPid) && this.#isOurs();
  }

  #isOurs(): boolean {
    return this.#pidNamespace !== '' && namespaceOf(this.initPid, 'pid') === this.#pidNamespace;
  }

  #assertThere(): void {
    if (!this.#isThere()) throw this.#gone();
  }

  #gone(): LachesisError {
    const why = this.#goneWhy ?? this.#endedFromInside();
    return this.#byTenant ? sandboxEndedByTenant(this.id, why) : sandboxGone(this.id, why);
  }

  /** Unless something else is known of its end. */
  #endedFromInside(): string {
    // bwrap itself is out of reach from in there.
    const { signalCode } = this.#options.launched.child;
    if (signalCode !== null) this.#goneWhy ??= `the host ended it (${signalCode})`;
    if (this.#goneWhy === undefined) this.#byTenant = true;
    this.#goneWhy ??= 'what ran in it ended its first process';
    return this.#goneWhy;
  }
}
