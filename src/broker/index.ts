export type * from './assignment-event.ts';
export type * from './broker.ts';
export { type Clock, systemClock } from './clock.ts';
export { batchId } from './cut-batch.ts';
export { type DurableBrokerOptions, openDurableBroker } from './durable-broker.ts';
export { type GroupPayload, type HeldPayload, heldPayload } from './group-payload.ts';
export { createMemoryBroker } from './memory-broker.ts';
export {
  type BrokerLimits,
  DEFAULT_MAX_WAITING_GROUPS,
  type MemoryBrokerOptions,
} from './options.ts';
export type * from './run-detail.ts';
export * from './stores/index.ts';
export { isUniform } from './uniform-rewards.ts';
