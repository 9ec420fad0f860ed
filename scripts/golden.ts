// `node scripts/run.mjs scripts/golden.ts`: writes test/contract/golden, a binary and a JSON file per
// message of lachesis.v1 and per case of its oneofs. Any language can prove with them that it agrees.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type DescField,
  type DescFile,
  type DescMessage,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { file_lachesis_v1_batch_service } from '../gen/lachesis/v1/batch_service_pb.ts';
import { file_lachesis_v1_content } from '../gen/lachesis/v1/content_pb.ts';
import { file_lachesis_v1_environment_service } from '../gen/lachesis/v1/environment_service_pb.ts';
import { file_lachesis_v1_error } from '../gen/lachesis/v1/error_pb.ts';
import { file_lachesis_v1_group } from '../gen/lachesis/v1/group_pb.ts';
import { file_lachesis_v1_policy_service } from '../gen/lachesis/v1/policy_service_pb.ts';
import { file_lachesis_v1_rollout } from '../gen/lachesis/v1/rollout_pb.ts';
import { file_lachesis_v1_run_service } from '../gen/lachesis/v1/run_service_pb.ts';
import { file_lachesis_v1_sandbox_service } from '../gen/lachesis/v1/sandbox_service_pb.ts';
import { file_lachesis_v1_server_service } from '../gen/lachesis/v1/server_service_pb.ts';
import { file_lachesis_v1_task } from '../gen/lachesis/v1/task_pb.ts';
import { file_lachesis_v1_tokens } from '../gen/lachesis/v1/tokens_pb.ts';
import { file_lachesis_v1_work_service } from '../gen/lachesis/v1/work_service_pb.ts';
import { filledMessage, zeroPresentMessage } from './golden-message.ts';

export const goldenFolder = path.resolve(import.meta.dirname, '..', 'test', 'contract', 'golden');

/** Every file of the contract; a test compares it with the folder proto/lachesis/v1. */
export const contractFiles: readonly DescFile[] = [
  file_lachesis_v1_batch_service,
  file_lachesis_v1_content,
  file_lachesis_v1_environment_service,
  file_lachesis_v1_error,
  file_lachesis_v1_group,
  file_lachesis_v1_policy_service,
  file_lachesis_v1_rollout,
  file_lachesis_v1_run_service,
  file_lachesis_v1_sandbox_service,
  file_lachesis_v1_server_service,
  file_lachesis_v1_task,
  file_lachesis_v1_tokens,
  file_lachesis_v1_work_service,
];

/** A message in both encodings. `name` is `<Message>`, `<Message>.<oneof case>` or `<Message>.zero`. */
export interface GoldenFixture {
  readonly name: string;
  readonly desc: DescMessage;
  readonly binary: Uint8Array;
  readonly json: string;
}

/** All fixtures, in name order. */
export function goldenFixtures(): readonly GoldenFixture[] {
  return contractFiles
    .flatMap((file) => file.messages)
    .flatMap(fixturesOf)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fixturesOf(desc: DescMessage): GoldenFixture[] {
  const cases: DescField[] = desc.oneofs.flatMap((oneof) => oneof.fields);
  const fixtures =
    cases.length === 0
      ? [fixture(desc, desc.name, filledMessage(desc))]
      : cases.map((field) =>
          fixture(desc, `${desc.name}.${field.name}`, filledMessage(desc, new Set([field]))),
        );
  const zero = zeroPresentMessage(desc);
  return zero === undefined ? fixtures : [...fixtures, fixture(desc, `${desc.name}.zero`, zero)];
}

function fixture(desc: DescMessage, name: string, message: Message): GoldenFixture {
  return {
    name,
    desc,
    binary: toBinary(desc, message),
    json: `${JSON.stringify(toJson(desc, message), undefined, 2)}\n`,
  };
}

function writeFixtures(): number {
  const fixtures = goldenFixtures();
  mkdirSync(goldenFolder, { recursive: true });
  for (const name of readdirSync(goldenFolder)) rmSync(path.join(goldenFolder, name));
  for (const { name, binary, json } of fixtures) {
    writeFileSync(path.join(goldenFolder, `${name}.binpb`), binary);
    writeFileSync(path.join(goldenFolder, `${name}.json`), json);
  }
  return fixtures.length;
}

if (import.meta.main) console.log(`test/contract/golden: ${writeFixtures()} messages`);
