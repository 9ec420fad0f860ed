export type {
  EnvironmentDefinition,
  EpisodeContext,
  HostedEnvironment,
  RewardContext,
  RewardValue,
  TaskInput,
  TaskSource,
  TasksInput,
} from './environment.ts';
