import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { canonicalJson } from '../../contract/index.ts';
import type { HostedEnvironment } from '../../environment/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../messages.ts';

/**
 * What rows of an environment were played with, and don't say themselves: by name, a digest each,
 * since a setting may be a secret. They stand beside the rollout file, in `FILE.conditions.json`.
 */
export type FileConditions = Readonly<Record<string, string>>;

const SCHEMA = 'lachesis.conditions/1';
/** A task says by its hash which data it is of, wherever that lies. */
const TOLD_BY_TASKS = 'data';

export function fileConditionsOf(
  { definition, settingsJson }: HostedEnvironment,
  maxTurns: number | undefined,
): FileConditions {
  const settings = Object.entries(settingsJson).filter(([name]) => name !== TOLD_BY_TASKS);
  return Object.fromEntries([
    ...settings.map(([name, value]) => [`--set ${name}`, digestOf(value)]),
    ['--max-turns', digestOf(maxTurns ?? definition.maxTurns ?? null)],
  ]);
}

/**
 * Refuses to go on with a file whose rows of this environment were played with other settings, and
 * notes those of this run. A file from before such notes is taken as it is.
 */
export function keepFileConditions(
  file: string,
  environment: string,
  now: FileConditions,
  hasRows: boolean,
): void {
  const noted = `${file}.conditions.json`;
  const all = hasRows ? readNoted(noted) : {};
  const held = all[environment];
  if (isJsonObject(held)) {
    const names = [...new Set([...Object.keys(held), ...Object.keys(now)])];
    const other = names.find((name) => held[name] !== now[name]);
    if (other !== undefined) {
      throw new LachesisError(
        'failed_precondition',
        `${file} holds rows that were played with another ${other}.`,
        {
          reason: 'OTHER_ROWS',
          remedy: `Give another --out; if it makes no difference to the rows, remove ${noted}.`,
        },
      );
    }
  }
  writeNoted(noted, { ...all, [environment]: now });
}

function readNoted(noted: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(noted, 'utf8');
  } catch {
    return {};
  }
  try {
    const { schema, environments } = JSON.parse(text) as JsonObject;
    if (schema === SCHEMA && isJsonObject(environments)) return environments;
  } catch {
    // Said below.
  }
  throw invalidInput(noted, `is not of the schema ${SCHEMA}.`, {
    remedy: 'Remove it, when the rows were played with the settings of this run.',
  });
}

/** In one step: half of it would be refused. */
function writeNoted(noted: string, environments: JsonObject): void {
  try {
    writeFileSync(`${noted}.new`, `${JSON.stringify({ schema: SCHEMA, environments }, null, 2)}\n`);
    renameSync(`${noted}.new`, noted);
  } catch (error) {
    throw invalidInput('--out', `can't be written: ${errorMessage(error)}.`, { cause: error });
  }
}

function digestOf(value: JsonValue): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}
