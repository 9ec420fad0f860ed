import {
  Code,
  ConnectError,
  createContextKey,
  type HandlerContext,
  type ServiceImpl,
} from '@connectrpc/connect';
import type { FakeSandbox } from './fake-sandbox.ts';
import { claimsOf } from './fake-tokens.ts';
import type { FakeWorld } from './fake-world.ts';
import type { TaskCommandRouter } from './gen/router_pb.ts';

/** The port at which a call came. */
export const PORT = createContextKey(0);

/** The side of Modal that runs commands: a worker, of which each sandbox has one. */
export function taskRouter(world: FakeWorld): ServiceImpl<typeof TaskCommandRouter> {
  const enter = async (taskId: string, context: HandlerContext): Promise<FakeSandbox> => {
    const sandbox = await world.task(taskId);
    const port = context.values.get(PORT);
    if (sandbox.isUnreachable || port !== sandbox.port) {
      throw new ConnectError('no worker here', Code.Unavailable);
    }
    const claims = claimsOf(context.requestHeader.get('authorization'));
    if (claims?.['task'] !== taskId || claims['generation'] !== sandbox.generation) {
      throw new ConnectError('the token has expired', Code.Unauthenticated);
    }
    if (sandbox.status !== undefined) {
      throw new ConnectError(`task ${taskId} has finished`, Code.NotFound);
    }
    sandbox.lastUsedMs = world.nowMs;
    return sandbox;
  };
  const execOf = async (sandbox: FakeSandbox, execId: string) => {
    const exec = await sandbox.execs.get(execId);
    if (exec === undefined) throw new ConnectError(`no exec ${execId}`, Code.NotFound);
    return exec;
  };
  return {
    async taskExecStart(request, context) {
      const sandbox = await enter(request.taskId, context);
      await world.startExec(sandbox, request);
      return {};
    },
    async *taskExecStdioRead({ taskId, execId, offset, fileDescriptor }, context) {
      const sandbox = await enter(taskId, context);
      const exec = await execOf(sandbox, execId);
      const { signal: cut } = sandbox.cut;
      const signal = AbortSignal.any([context.signal, cut, sandbox.ended.signal]);
      world.openReads += 1;
      try {
        const fd = fileDescriptor === 0 ? 0 : 1;
        for await (const data of exec.read(fd, Number(offset), signal)) yield { data };
      } finally {
        world.openReads -= 1;
      }
      if (cut.aborted) throw new ConnectError('the worker is lost', Code.Unavailable);
      if (sandbox.ended.signal.aborted) throw new ConnectError('task has finished', Code.NotFound);
    },
    async taskExecStdinWrite({ taskId, execId, offset, data, eof }, context) {
      const sandbox = await enter(taskId, context);
      const exec = await execOf(sandbox, execId);
      if (exec.hasExited) throw new ConnectError('it has exited', Code.FailedPrecondition);
      await exec.write(Number(offset), data, eof);
      return {};
    },
    async taskExecWait({ taskId, execId }, context) {
      const sandbox = await enter(taskId, context);
      const exec = await execOf(sandbox, execId);
      const exit = await world.unlessCut(sandbox, exec.exited, context.signal);
      if (exit.signal === undefined) return { exitStatus: { case: 'code', value: exit.code } };
      return { exitStatus: { case: 'signal', value: world.signalNumber(exit.signal) } };
    },
    async taskSnapshotFilesystem({ taskId, ttlSeconds }, context) {
      const sandbox = await enter(taskId, context);
      return { imageId: await world.snapshot(sandbox, Number(ttlSeconds ?? 0n)) };
    },
    async taskSetNetworkAccess({ taskId, networkAccess }, context) {
      const sandbox = await enter(taskId, context);
      sandbox.network = {
        type: networkAccess?.networkAccessType ?? 0,
        cidrs: networkAccess?.allowedCidrs ?? [],
        domains: networkAccess?.allowedDomains ?? [],
      };
      return {};
    },
  };
}
