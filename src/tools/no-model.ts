import { LachesisError } from '../errors.ts';
import type { ToolModel } from './tool-handler.ts';

/** For a context that is made by hand: there is no model, and who asks is told so. */
export const noModel: ToolModel = Object.freeze({
  ask: () => Promise.reject(noModelHere()),
  run: () => Promise.reject(noModelHere()),
});

function noModelHere(): LachesisError {
  return new LachesisError('failed_precondition', 'There is no model here to ask.', {
    reason: 'NO_MODEL',
    remedy:
      'A rollout gives its tools one; give a context that is made by hand a `model` of its own.',
  });
}
