import {
  create,
  createRegistry,
  type DescFile,
  type DescService,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import {
  type ServerReflectionRequest,
  ServerReflectionResponseSchema,
  ServerReflection as ServerReflectionV1,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import {
  type ServerReflectionRequest as ServerReflectionRequestV1Alpha,
  ServerReflectionResponseSchema as ServerReflectionResponseV1AlphaSchema,
  ServerReflection as ServerReflectionV1Alpha,
} from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';

type Query = (ServerReflectionRequest | ServerReflectionRequestV1Alpha)['messageRequest'];
/** In plain values, which fit the messages of both versions. */
type Answer =
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: 'allExtensionNumbersResponse';
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };

/**
 * Serves server reflection v1 and v1alpha (which older tools still ask for) from the descriptors of
 * the generated code. The two differ in their package name only, so one answer serves both.
 */
export function reflectionService(router: ConnectRouter, services: readonly DescService[]): void {
  const all = [...services, ServerReflectionV1, ServerReflectionV1Alpha];
  const index = indexOf(all);
  router.service(ServerReflectionV1, {
    serverReflectionInfo: async function* (requests) {
      for await (const request of requests) {
        yield create(ServerReflectionResponseSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request.messageRequest, index),
        });
      }
    },
  });
  router.service(ServerReflectionV1Alpha, {
    serverReflectionInfo: async function* (requests) {
      for await (const request of requests) {
        yield create(ServerReflectionResponseV1AlphaSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request.messageRequest, index),
        });
      }
    },
  });
}

interface Index {
  readonly services: readonly string[];
  readonly files: ReadonlyMap<string, DescFile>;
  readonly registry: Registry;
}

function indexOf(services: readonly DescService[]): Index {
  const files = new Map<string, DescFile>();
  for (const service of services) addWithDependencies(service.file, files);
  return {
    services: services.map((service) => service.typeName).sort(),
    files,
    registry: createRegistry(...files.values()),
  };
}

function addWithDependencies(file: DescFile, files: Map<string, DescFile>): void {
  if (files.has(file.proto.name)) return;
  for (const dependency of file.dependencies) addWithDependencies(dependency, files);
  files.set(file.proto.name, file);
}

function answer(query: Query, index: Index): Answer {
  switch (query.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse',
        value: { service: index.services.map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return fileAnswer(index.files.get(query.value), `no file ${query.value}`);
    case 'fileContainingSymbol':
      return fileAnswer(fileOfSymbol(query.value, index.registry), `no symbol ${query.value}`);
    case 'allExtensionNumbersOfType':
      if (index.registry.getMessage(query.value) === undefined) {
        return errorAnswer(Code.NotFound, `no message ${query.value}`);
      }
      return {
        case: 'allExtensionNumbersResponse',
        value: { baseTypeName: query.value, extensionNumber: [] },
      };
    case 'fileContainingExtension':
      return errorAnswer(Code.NotFound, `no extension of ${query.value.containingType} here`);
    default:
      return errorAnswer(Code.InvalidArgument, 'the request asks for nothing');
  }
}

/** A symbol is a type or a service, or a member of one: `pkg.Service.Method`, `pkg.Message.field`. */
function fileOfSymbol(symbol: string, registry: Registry): DescFile | undefined {
  const name = symbol.replace(/^\./, '');
  const found =
    registry.get(name) ?? registry.get(name.slice(0, Math.max(0, name.lastIndexOf('.'))));
  return found?.file;
}

function fileAnswer(file: DescFile | undefined, missing: string): Answer {
  if (file === undefined) return errorAnswer(Code.NotFound, missing.slice(0, 300));
  const closure = new Map<string, DescFile>();
  addWithDependencies(file, closure);
  // The file that was asked for comes first; some clients read no further.
  const ordered = [file, ...[...closure.values()].filter((other) => other !== file)];
  return {
    case: 'fileDescriptorResponse',
    value: {
      fileDescriptorProto: ordered.map((each) => toBinary(FileDescriptorProtoSchema, each.proto)),
    },
  };
}

function errorAnswer(code: Code, message: string): Answer {
  return { case: 'errorResponse', value: { errorCode: code, errorMessage: message } };
}
