export { createBubblewrapBackend } from './backends/bubblewrap/backend.ts';
export { type HostFacts, hostFacts, hostFactsText } from './backends/bubblewrap/host-facts.ts';
export type { BubblewrapOptions } from './backends/bubblewrap/options.ts';
export { type BackendReport, probeBackend } from './backends/local/probe-backend.ts';
export { createModalBackend } from './backends/modal/backend.ts';
export type { ModalBackendOptions } from './backends/modal/options.ts';
export { createProcessBackend } from './backends/process/backend.ts';
export type { ProcessOptions } from './backends/process/options.ts';
export type {
  BackendProbe,
  FoundSandbox,
  SandboxBackend,
  SandboxCapabilities,
} from './contract/backend.ts';
export { checkCommand, checkPath, checkSpec } from './contract/check.ts';
export type {
  CapturedOutput,
  Command,
  ExecOptions,
  ExecResult,
  OutputChunk,
  OutputStream,
  ProcessExit,
  SandboxProcess,
} from './contract/command.ts';
export { isSandboxGone, sandboxFault, sandboxGone } from './contract/faults.ts';
export {
  ISOLATION_LEVELS,
  type IsolationLevel,
  isAtLeast,
  isIsolationLevel,
} from './contract/isolation.ts';
export type { FileStat, Sandbox, SandboxStatus, TransferOptions } from './contract/sandbox.ts';
export type {
  CreateOptions,
  SandboxNetwork,
  SandboxResources,
  SandboxSpec,
} from './contract/spec.ts';
export { OutputCapture, outputBytes } from './exec/output-capture.ts';
export { outputText } from './exec/output-text.ts';
export { createSandboxPool } from './pool/create-pool.ts';
export type { AcquireRequest, SandboxLease } from './pool/lease.ts';
export type { DestroyReason, PoolObserver } from './pool/observer.ts';
export type { SandboxPoolOptions } from './pool/options.ts';
export type { DrainReport, PoolKeyStats, PoolStats, SandboxPool } from './pool/pool.ts';
export { poolKey } from './pool/pool-key.ts';
export { openRolloutSandbox, type RolloutSandboxOptions } from './rollout/open-rollout-sandbox.ts';
export type { DownloadOptions, RolloutSandbox } from './rollout/rollout-sandbox.ts';
export type { BackgroundProcess, BackgroundProcesses } from './shell/background.ts';
export { createSandboxShell, type SandboxShellOptions } from './shell/create-shell.ts';
export type { SandboxShell, ShellOptions, ShellResult } from './shell/shell.ts';
