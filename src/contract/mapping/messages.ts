import { create } from '@bufbuild/protobuf';
import {
  type ContentPart as ContentPartProto,
  ContentPartSchema,
  type Message as MessageProto,
  MessageSchema,
  Role,
  type ToolCall as ToolCallProto,
  ToolCallSchema,
  type ToolDefinition as ToolDefinitionProto,
  ToolDefinitionSchema,
} from '../../../gen/lachesis/v1/content_pb.ts';
import { invalidInput } from '../../errors.ts';
import type { ContentPart, Message, ToolCall, ToolDefinition } from '../../messages.ts';
import { enumTable } from './enum-table.ts';
import { jsonObjectFromText } from './scalars.ts';

const roles = enumTable<Message['role'], Role>('role', {
  system: Role.SYSTEM,
  user: Role.USER,
  assistant: Role.ASSISTANT,
  tool: Role.TOOL,
});

export function messageToProto(message: Message): MessageProto {
  const proto = create(MessageSchema, {
    role: roles.toProto(message.role),
    content: message.content.map(contentPartToProto),
  });
  switch (message.role) {
    case 'assistant':
      if (message.reasoning !== undefined) proto.reasoning = message.reasoning;
      proto.toolCalls = message.toolCalls.map(toolCallToProto);
      return proto;
    case 'tool':
      proto.toolCallId = message.toolCallId;
      proto.toolName = message.toolName;
      return proto;
    default:
      return proto;
  }
}

/** Throws when the role is not set, or a content part is of no kind. */
export function messageFromProto(proto: MessageProto, field: string): Message {
  const role = roles.fromProto(proto.role, `${field}.role`);
  const content = proto.content.map((part, i) =>
    contentPartFromProto(part, `${field}.content[${i}]`),
  );
  switch (role) {
    case 'assistant':
      return {
        role,
        content,
        ...(proto.reasoning === undefined ? {} : { reasoning: proto.reasoning }),
        toolCalls: proto.toolCalls.map(toolCallFromProto),
      };
    case 'tool':
      return { role, content, toolCallId: proto.toolCallId, toolName: proto.toolName };
    default:
      return { role, content };
  }
}

export function messagesFromProto(protos: readonly MessageProto[], field: string): Message[] {
  return protos.map((proto, i) => messageFromProto(proto, `${field}[${i}]`));
}

export function toolCallToProto(call: ToolCall): ToolCallProto {
  return create(ToolCallSchema, {
    id: call.id,
    name: call.name,
    argumentsText: call.argumentsText,
    argumentsJson: call.argumentsJson ?? '',
  });
}

export function toolCallFromProto(proto: ToolCallProto): ToolCall {
  return {
    id: proto.id,
    name: proto.name,
    argumentsText: proto.argumentsText,
    ...(proto.argumentsJson === '' ? {} : { argumentsJson: proto.argumentsJson }),
  };
}

export function toolDefinitionToProto(definition: ToolDefinition): ToolDefinitionProto {
  return create(ToolDefinitionSchema, {
    name: definition.name,
    description: definition.description,
    parametersJsonSchema: JSON.stringify(definition.parameters),
  });
}

export function toolDefinitionFromProto(proto: ToolDefinitionProto, field: string): ToolDefinition {
  return {
    name: proto.name,
    description: proto.description,
    parameters: jsonObjectFromText(
      proto.parametersJsonSchema === '' ? '{}' : proto.parametersJsonSchema,
      `${field}.parameters_json_schema`,
    ),
  };
}

function contentPartToProto(part: ContentPart): ContentPartProto {
  switch (part.kind) {
    case 'text':
      return create(ContentPartSchema, { part: { case: 'text', value: part.text } });
    case 'image':
      return create(ContentPartSchema, {
        part: {
          case: 'image',
          value: { uri: part.uri, mediaType: part.mediaType, sha256: part.sha256 },
        },
      });
    case 'opaque':
      return create(ContentPartSchema, {
        part: { case: 'opaque', value: { kind: part.type, json: part.json } },
      });
  }
}

function contentPartFromProto(proto: ContentPartProto, field: string): ContentPart {
  switch (proto.part.case) {
    case 'text':
      return { kind: 'text', text: proto.part.value };
    case 'image': {
      const { uri, mediaType, sha256 } = proto.part.value;
      return { kind: 'image', uri, mediaType, sha256 };
    }
    case 'opaque':
      return { kind: 'opaque', type: proto.part.value.kind, json: proto.part.value.json };
    case undefined:
      throw invalidInput(field, 'is of no kind; text, image or opaque is needed.', {
        reason: 'CONTENT_PART_UNSET',
      });
  }
}
