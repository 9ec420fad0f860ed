// pooled.ts
import {
  createBubblewrapBackend,
  createSandboxPool,
  type EnvironmentDefinition,
  hostEnvironment,
  type ModelServer,
  playGroup,
} from 'lachesis';

export async function playPooled(definition: EnvironmentDefinition, modelServer: ModelServer) {
  await using backend = createBubblewrapBackend();
  await using sandboxes = createSandboxPool({ backend, maxTotal: 8 });
  await using environment = await hostEnvironment(definition, {}, { sandboxes });
  const { signal } = new AbortController();
  const task = await environment.tasks.get('0');
  if (task === undefined) throw new Error('There is no task 0.');
  return await playGroup({ environment, modelServer, groupId: 'g1', task, groupSize: 2, signal });
}
