export { createBubblewrapBackend } from './backends/bubblewrap/backend.ts';
export { type HostFacts, hostFacts, hostFactsText } from './backends/bubblewrap/host-facts.ts';
export type { BubblewrapOptions } from './backends/bubblewrap/options.ts';
export { createDockerBackend } from './backends/docker/backend.ts';
export type { DockerBackendOptions } from './backends/docker/options.ts';
export { createE2bBackend } from './backends/e2b/backend.ts';
export type { E2bBackendOptions } from './backends/e2b/options.ts';
export { createJustBashBackend } from './backends/just-bash/backend.ts';
export type { JustBashOptions } from './backends/just-bash/options.ts';
export { type BackendReport, probeBackend } from './backends/local/probe-backend.ts';
export { createModalBackend } from './backends/modal/backend.ts';
export type { ModalBackendOptions } from './backends/modal/options.ts';
export { createProcessBackend } from './backends/process/backend.ts';
export type { ProcessOptions } from './backends/process/options.ts';
export { createSshBackend } from './backends/ssh/backend.ts';
export type { SshBackendOptions } from './backends/ssh/options.ts';
export {
  BACKEND_NAMES,
  type BackendContext,
  type BackendName,
  isBackendName,
  openBackend,
} from './backends/table.ts';
export type {
  BackendProbe,
  FoundSandbox,
  ProbeOptions,
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
export {
  isEndedByTenant,
  isSandboxGone,
  sandboxEndedByTenant,
  sandboxFault,
  sandboxGone,
} from './contract/faults.ts';
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
export { runCommand } from './exec/run-command.ts';
export { shellWord } from './exec/shell-word.ts';
export {
  checkIsolation,
  DEFAULT_MINIMUM,
  type IsolationRule,
  minimumIsolation,
} from './hosting/minimum-isolation.ts';
export {
  type OpenSandboxes,
  type OpenSandboxesOptions,
  openSandboxes,
  type SandboxAsker,
} from './hosting/open-sandboxes.ts';
export { combineObservers } from './pool/combine-observers.ts';
export { createSandboxPool } from './pool/create-pool.ts';
export { type SweepOptions, type SweepReport, sweepSandboxes } from './pool/janitor.ts';
export type { AcquireRequest, SandboxLease } from './pool/lease.ts';
export type { DestroyReason, PoolCounts, PoolObserver } from './pool/observer.ts';
export type { SandboxPoolOptions } from './pool/options.ts';
export type { DrainReport, PoolKeyStats, PoolStats, SandboxPool } from './pool/pool.ts';
export { poolKey } from './pool/pool-key.ts';
export { poolLog } from './pool/pool-log.ts';
export { poolMetrics } from './pool/pool-metrics.ts';
export { folderNamed, namesFolder } from './rollout/one-file.ts';
export { openRolloutSandbox, type RolloutSandboxOptions } from './rollout/open-rollout-sandbox.ts';
export type { DownloadOptions, RolloutSandbox } from './rollout/rollout-sandbox.ts';
export { watchLease } from './rollout/watch-lease.ts';
export { defaultBackend, readSandboxSettings } from './settings/read-settings.ts';
export {
  SANDBOX_OPTION_NAMES,
  type SandboxSettings,
  type SettingsSource,
} from './settings/settings.ts';
export type { BackgroundProcess, BackgroundProcesses } from './shell/background.ts';
export { createSandboxShell, type SandboxShellOptions } from './shell/create-shell.ts';
export type { SandboxShell, ShellOptions, ShellResult, StateLoss } from './shell/shell.ts';
