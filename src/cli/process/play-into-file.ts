import { existsSync, statSync } from 'node:fs';
import type { EvaluationConditions, HostedEnvironment } from '../../environment/index.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import type { CommandIo, OptionValues } from '../command.ts';
import type { EngineModelOptions } from '../engine-model.ts';
import { type AskedConditions, ownConditions, playedConditions } from '../evaluate/conditions.ts';
import { Hosting } from '../hosting.ts';
import { chooseModel } from '../model-options.ts';
import { lockOutput } from '../output-lock.ts';
import { RolloutWriter } from '../rollout-writer.ts';
import { fileConditionsOf, keepFileConditions } from './file-conditions.ts';
import { type KeptRow, readKeptRows } from './kept-rows.ts';
import type { PlayPlan } from './plan.ts';
import { missingAttempts, playRows } from './play-rows.ts';
import { Progress } from './progress.ts';
import { rowIdOf, selectTasks } from './rows.ts';
import { type Conditions, conditionsOf, type PlayedRow, playedRowOf, Tally } from './tally.ts';

/** How far playing into a file has come. */
export interface Played {
  readonly environment: HostedEnvironment;
  readonly model: string;
  /** What its rows are played under. */
  readonly conditions: EvaluationConditions;
  readonly tally: Tally;
  /** Rows of the whole selection. */
  readonly total: number;
  /** Those that the file had before. */
  readonly kept: number;
  readonly seconds: number;
  /** The rollout file's absolute path. */
  readonly path: string;
}

export interface FinishedPlay extends Played {
  /** Whether the environment's state was saved and it was closed; what failed was told. */
  readonly endedWell: boolean;
}

export interface PlayIntoFileOptions {
  readonly plan: PlayPlan;
  /** Of the command line, for the model. */
  readonly values: OptionValues;
  /** A rollout file; its rows are kept, and what is missing is appended. */
  readonly file: string;
  /** Given for an evaluation: what the environment says of those holds, where the options say nothing. */
  readonly evaluation?: Pick<AskedConditions, 'solvedAt'>;
  /** How an engine's texts are rendered. Default: by the model's own files. */
  readonly model?: Pick<EngineModelOptions, 'readRenderer'>;
  /** At each 5 % of the rows. */
  readonly onStep?: (played: Played) => void;
}

/**
 * Plays the rows of a plan that a rollout file does not have scored yet, and appends each as it ends.
 * A fired signal ends it early and in order; see the tally for how far it came.
 */
export async function playIntoFile(
  options: PlayIntoFileOptions,
  io: CommandIo,
): Promise<FinishedPlay> {
  const { plan, values, file } = options;
  if (existsSync(file) && !statSync(file).isFile()) {
    throw invalidInput('--out', `${file} is no file.`);
  }
  await using hosting = await Hosting.open({
    files: [plan.file],
    settings: plan.settings,
    state: plan.state,
    values,
    io,
  });
  const [environment] = hosting.environments;
  if (environment === undefined) throw new Error('one file is one environment');
  using _lock = await lockOutput(file, '--out');
  const kept = await readKeptRows(file);
  const isEvaluation = options.evaluation !== undefined;
  const purpose = isEvaluation ? 'evaluation' : 'train';
  await using model = await chooseModel(values, io, { ...options.model, purpose });
  const asked: AskedConditions = { solvedAt: undefined, ...plan, ...options.evaluation };
  const playedUnder = playedConditions(environment, asked, isEvaluation);
  const { split, maxTasks, attempts, sampling } = playedUnder;
  const tally = new Tally(playedUnder.solvedAt);
  const selection = { split, maxTasks: maxTasks === 0 ? undefined : maxTasks };
  const world = { environment, kept, attempts };
  const { version = '', verifierVersion = '' } = environment.definition;
  const conditions = conditionsOf({
    model: model.modelServer.model,
    environmentVersion: version,
    verifierVersion,
    sampling,
  });
  const total = await addKept({ ...world, selection, conditions, file, signal: io.signal }, tally);
  const settings = fileConditionsOf(environment, plan.maxTurns);
  keepFileConditions(file, environment.name, settings, kept.size > 0);
  await using writer = new RolloutWriter(file, '--out');
  const keptRows = tally.rows;
  io.out(
    `${environment.name}, played by ${model.description}: ${total} rows, ${keptRows} of them kept\n`,
  );
  const own = isEvaluation ? ownConditions(environment, asked) : '';
  if (own !== '') io.out(`the environment's own evaluation: ${own}\n`);
  const played = (seconds: number): Played => ({
    environment,
    model: model.modelServer.model,
    conditions: playedUnder,
    tally,
    total,
    kept: keptRows,
    seconds,
    path: writer.path,
  });
  using progress: Progress = new Progress({
    io,
    tally,
    total,
    kept: keptRows,
    onStep: () => options.onStep?.(played(progress.seconds)),
  });
  // Playing on for a file that takes nothing any more would waste the model's time.
  const lost = new AbortController();
  const signal = AbortSignal.any([io.signal, lost.signal]);
  hosting.begin();
  await playRows({
    ...world,
    selection,
    modelServer: model.modelServer,
    concurrency: plan.concurrency,
    sampling,
    ...(plan.seed === undefined ? {} : { seed: plan.seed }),
    ...(plan.maxTurns === undefined ? {} : { limits: { maxTurns: plan.maxTurns } }),
    onRollout: (rollout) => {
      try {
        writer.write(rollout, '');
        if (writer.failure !== undefined) lost.abort(writer.failure);
        tally.add(playedRowOf(rollout));
        progress.advance();
      } catch (error) {
        lost.abort(error);
      }
    },
    onWarning: (message) => io.err(`${message}\n`),
    signal,
  });
  // The writer's own failure it throws when it is disposed of.
  if (lost.signal.aborted && writer.failure === undefined) throw lost.signal.reason;
  const { seconds } = progress;
  return { ...played(seconds), endedWell: await hosting.end() };
}

/** Counts the selection's rows, and those that need not be played again. */
async function addKept(
  given: Parameters<typeof missingAttempts>[1] & {
    readonly selection: Parameters<typeof selectTasks>[1];
    readonly conditions: Conditions;
    readonly file: string;
    readonly signal: AbortSignal;
  },
  tally: Tally,
): Promise<number> {
  let tasks = 0;
  for await (const rows of selectTasks(given.environment, given.selection, given.signal)) {
    tasks += 1;
    const missing = new Set(missingAttempts(rows, given));
    for (let index = 0; index < given.attempts; index++) {
      const row = keptRow(given.kept, rows.groupId, index);
      if (row === undefined || missing.has(index)) continue;
      assertSame(row.conditions, given.conditions, given.file);
      tally.add(row);
    }
  }
  if (tasks > 0) return tasks * given.attempts;
  throw new LachesisError(
    'failed_precondition',
    `${given.environment.name} has no task of the split "${given.selection.split}".`,
    { reason: 'NO_TASKS', remedy: 'Name one that its tasks have, or give --split= for all.' },
  );
}

function keptRow(
  kept: ReadonlyMap<string, KeptRow>,
  groupId: string,
  index: number,
): PlayedRow | undefined {
  return kept.get(rowIdOf({ groupId, index }))?.scored;
}

/** Figures of two models, or of two versions of the rules, are no figures. */
function assertSame(held: Conditions, now: Conditions, file: string): void {
  const name = (['model', 'version', 'sampling'] as const).find((key) => held[key] !== now[key]);
  if (name === undefined) return;
  throw new LachesisError(
    'failed_precondition',
    `${file} holds rows of ${name} ${held[name] || '(none)'}, and this run is of ${now[name] || '(none)'}.`,
    { reason: 'OTHER_ROWS', remedy: 'Give another --out.' },
  );
}
