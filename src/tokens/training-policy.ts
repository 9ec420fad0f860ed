/** Which sampled tokens of a rollout become trained tokens of rows; fixed when a run is opened. */
export type TrainingPolicy = 'strict' | 'realign' | 'fork' | 'mask';
