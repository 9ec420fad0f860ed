import type { DescService } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { Health } from '../../gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionV1Alpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { EnvironmentService } from '../../gen/lachesis/v1/environment_service_pb.ts';
import { PolicyService } from '../../gen/lachesis/v1/policy_service_pb.ts';
import { RunService } from '../../gen/lachesis/v1/run_service_pb.ts';
import { SandboxService } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { ServerService } from '../../gen/lachesis/v1/server_service_pb.ts';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import { allows, SCOPES, type Scope } from '../../src/server/scope.ts';

/** Who may call what: one column per credential, `-` for none at all. */
const TABLE: readonly (readonly [DescService, string])[] = [
  [Health, 'operator trainer worker agent -'],
  [ServerReflection, 'operator trainer worker agent'],
  [ServerReflectionV1Alpha, 'operator trainer worker agent'],
  [ServerService, 'operator trainer worker agent'],
  [EnvironmentService, 'operator trainer worker'],
  [RunService, 'operator'],
  [WorkService, 'operator worker'],
  [BatchService, 'operator trainer'],
  [PolicyService, 'operator trainer worker'],
  [SandboxService, 'agent'],
];

describe('scopes', () => {
  for (const [service, byService] of TABLE) {
    for (const method of service.methods) {
      const path = `/${service.typeName}/${method.name}`;
      const isHeardByWorkers = path === '/lachesis.v1.BatchService/WatchPolicyVersion';
      const allowed = isHeardByWorkers ? 'operator trainer worker' : byService;
      test(`${path}: ${allowed}`, () => {
        const callers = [...SCOPES, '-'].filter((caller) =>
          allows(caller === '-' ? undefined : (caller as Scope), path),
        );
        expect(callers.sort()).toEqual(allowed.split(' ').sort());
      });
    }
  }

  test('a path that names no known service is for nobody', () => {
    for (const path of ['/', '/x', '/lachesis.v1.Nothing/Get', '/__proto__/x', '/toString/x']) {
      expect(SCOPES.filter((scope) => allows(scope, path))).toEqual([]);
    }
  });
});
