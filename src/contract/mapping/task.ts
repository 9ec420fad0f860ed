import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { type Task as TaskProto, TaskSchema } from '../../../gen/lachesis/v1/task_pb.ts';
import { errorMessage, invalidInput, LachesisError } from '../../errors.ts';
import type { JsonValue } from '../../messages.ts';
import type { Task } from '../task.ts';
import { canonicalJson } from './canonical-json.ts';
import { jsonFromText } from './scalars.ts';

/** Hex SHA-256 of a task's data as canonical JSON: equal data gives equal hashes, whatever the key order. */
export function taskContentHash(data: JsonValue): string {
  return createHash('sha256').update(canonicalJson(data)).digest('hex');
}

/** Throws an environment_error for data that is no JSON: a cycle, a bigint, or nested too deeply. */
export function taskToProto(task: Task): TaskProto {
  try {
    return create(TaskSchema, {
      key: task.key,
      split: task.split,
      contentSha256: taskContentHash(task.data),
      dataJson: JSON.stringify(task.data),
    });
  } catch (error) {
    throw new LachesisError(
      'environment_error',
      `The data of task "${task.key}" can't be written as JSON: ${errorMessage(error)}.`,
      {
        reason: 'TASK_NOT_JSON',
        remedy: 'Give it plain data: objects, arrays, texts, numbers, booleans and null.',
        cause: error,
      },
    );
  }
}

/** Throws for no key, data that is no JSON, or a hash that is not the data's. */
export function taskFromProto(proto: TaskProto, field: string): Task {
  if (proto.key === '') throw invalidInput(`${field}.key`, 'is empty; a task needs a stable key.');
  const data = jsonFromText(proto.dataJson, `${field}.data_json`);
  if (proto.contentSha256 !== '' && proto.contentSha256 !== taskContentHash(data)) {
    throw invalidInput(`${field}.content_sha256`, 'is not the SHA-256 of data_json.', {
      reason: 'TASK_HASH_MISMATCH',
      remedy: 'Hash the data as JSON with sorted keys and no spaces, or leave the field empty.',
    });
  }
  return { key: proto.key, split: proto.split, data };
}
