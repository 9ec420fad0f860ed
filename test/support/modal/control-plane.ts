import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { claimsOf, fakeToken } from './fake-tokens.ts';
import type { FakeWorld } from './fake-world.ts';
import type { ModalClient } from './gen/client_pb.ts';

/** Of a page of the list; small, so that there is always more than one. */
const PAGE = 2;
/** A long poll of the real thing takes up to its `timeout`; nobody needs it that long here. */
const MAX_WAIT_MS = 10_000;

/** The side of Modal that makes sandboxes. */
export function controlPlane(world: FakeWorld): ServiceImpl<typeof ModalClient> {
  const authed = (context: HandlerContext) => {
    const { requestHeader: headers } = context;
    const { tokenId, tokenSecret } = world.credentials;
    const isOurs =
      headers.get('x-modal-token-id') === tokenId &&
      headers.get('x-modal-token-secret') === tokenSecret;
    if (!isOurs) throw new ConnectError('Token ID is not known', Code.Unauthenticated);
    if (context.method.name !== 'AuthTokenGet') {
      const claims = claimsOf(headers.get('x-modal-auth-token'));
      if (claims?.['kind'] !== 'auth') {
        throw new ConnectError('no auth token', Code.Unauthenticated);
      }
    }
  };
  return {
    authTokenGet(_request, context) {
      authed(context);
      return { token: fakeToken({ kind: 'auth', exp: Math.floor(Date.now() / 1_000) + 3_600 }) };
    },
    appGetOrCreate({ appName, environmentName }, context) {
      authed(context);
      return { appId: `ap-${appName}${environmentName === '' ? '' : `@${environmentName}`}` };
    },
    environmentGetOrCreate(_request, context) {
      authed(context);
      const settings = { imageBuilderVersion: '2025.06' };
      return { environmentId: 'en-1', metadata: { name: 'main', settings } };
    },
    imageGetOrCreate({ image }, context) {
      authed(context);
      const tag = image?.dockerfileCommands.join('\n') ?? '';
      if (tag.includes('no-such-image')) {
        const exception = 'manifest unknown';
        return { imageId: 'im-failed', result: { status: 2, exception } };
      }
      world.images.push(tag);
      return { imageId: `im-built-${world.images.length}`, result: { status: 1 } };
    },
    imageFromId({ imageId }, context) {
      authed(context);
      if (!world.snapshots.has(imageId)) throw new ConnectError('no such image', Code.NotFound);
      return { imageId };
    },
    async sandboxCreateV2(request, context) {
      authed(context);
      const sandbox = await world.create(request);
      return {
        sandboxId: sandbox.id,
        taskId: sandbox.taskId,
        commandRouterAccess: world.accessOf(sandbox),
      };
    },
    async sandboxGetTaskIdV2({ sandboxId }, context) {
      authed(context);
      const sandbox = await world.sandbox(sandboxId);
      const { status } = sandbox;
      if (status === undefined) return { taskId: sandbox.taskId };
      return { taskResult: { status, exception: `Sandbox ${sandboxId} has already finished` } };
    },
    async sandboxGetCommandRouterAccess({ sandboxId = '' }, context) {
      authed(context);
      return world.accessOf(await world.sandbox(sandboxId));
    },
    async sandboxWaitV2({ sandboxId, timeout }, context) {
      authed(context);
      const sandbox = await world.sandbox(sandboxId);
      if (sandbox.status === undefined && timeout > 0) {
        await world.untilEnded(sandbox, Math.min(MAX_WAIT_MS, timeout * 1_000), context.signal);
      }
      const { status } = sandbox;
      return status === undefined ? {} : { result: { status, exitcode: status === 1 ? 0 : 1 } };
    },
    async sandboxTerminateV2({ sandboxId }, context) {
      authed(context);
      await world.terminate(await world.sandbox(sandboxId));
      return {};
    },
    async sandboxListV2({ appId, beforeTimestamp, tags }, context) {
      authed(context);
      await world.sweep();
      const found = [...world.sandboxes.values()].filter(
        (each) =>
          each.status === undefined &&
          each.request.appId === appId &&
          (beforeTimestamp === 0 || each.createdAt < beforeTimestamp) &&
          tags.every(({ tagName, tagValue }) => each.tags.get(tagName) === tagValue),
      );
      const page = found.sort((a, b) => b.createdAt - a.createdAt).slice(0, PAGE);
      return { sandboxes: page.map(({ id, createdAt }) => ({ id, createdAt })) };
    },
    async sandboxTagsGetV2({ sandboxId }, context) {
      authed(context);
      const { tags } = await world.sandbox(sandboxId);
      return { tags: [...tags].map(([tagName, tagValue]) => ({ tagName, tagValue })) };
    },
  };
}
