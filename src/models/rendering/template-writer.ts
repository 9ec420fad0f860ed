import { LachesisError } from '../../errors.ts';
import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import { textContent } from '../../messages.ts';
import type { ChatTemplate } from './chat-template.ts';
import { TextMarks, type TextRun, textOfRuns } from './marked-text.ts';
import { type MessageShape, templateMessage, templateTools } from './template-messages.ts';

export interface WriteOptions {
  readonly tools: readonly ToolDefinition[];
  /** End with what an assistant's turn begins with. */
  readonly generationPrompt: boolean;
  /** What is taken off the index of a message to name it. Default: 0. */
  readonly indexOffset?: number;
}

/** Writes conversations by a template, in the shape that the template reads. */
export interface TemplateWriter {
  readonly shape: MessageShape;
  /** @throws invalid_input for content it has no words for, and where the template refuses. */
  write(messages: readonly Message[], options: WriteOptions): TextRun[];
}

export interface TemplateWriterOptions {
  readonly template: ChatTemplate;
  /** Finds the control tokens that a text spells. */
  readonly control: RegExp | undefined;
}

export function createTemplateWriter(options: TemplateWriterOptions): TemplateWriter {
  return writerOf(
    options,
    findShape((shape) => writerOf(options, shape)),
  );
}

function writerOf(
  { template, control }: TemplateWriterOptions,
  shape: MessageShape,
): TemplateWriter {
  return Object.freeze({
    shape,
    write(messages: readonly Message[], options: WriteOptions) {
      const { tools, generationPrompt, indexOffset = 0 } = options;
      const marks = new TextMarks(control);
      const rendered = template.render({
        messages: messages.map((message, index) =>
          templateMessage(message, { shape, marks, index: index - indexOffset }),
        ),
        tools: templateTools(tools, marks),
        documents: null,
        add_generation_prompt: generationPrompt,
      });
      return marks.read(rendered);
    },
  });
}

const PLAIN: MessageShape = Object.freeze({
  reasoning: 'reasoning_content',
  callArguments: 'text',
  callContent: '',
  callIds: 'as_given',
});

/** Tries one thing after the other and takes the first that the template writes. */
function findShape(writerFor: (shape: MessageShape) => TemplateWriter): MessageShape {
  const written = (shape: MessageShape, messages: readonly Message[]): string => {
    try {
      return textOfRuns(writerFor(shape).write(messages, { tools: [], generationPrompt: false }));
    } catch (thrown) {
      if (thrown instanceof LachesisError) return '';
      throw thrown;
    }
  };
  const user: Message = { role: 'user', content: textContent('zqu') };

  const thinking: AssistantMessage = {
    role: 'assistant',
    content: textContent('zqc'),
    reasoning: 'zqr',
    toolCalls: [],
  };
  const reasoning = (['reasoning_content', 'reasoning', 'thinking'] as const).find((field) =>
    written({ ...PLAIN, reasoning: field }, [user, thinking]).includes('zqr'),
  );

  const ways: readonly MessageShape[] = (['', null] as const).flatMap((callContent) =>
    (['text', 'object'] as const).map((callArguments) => ({
      ...PLAIN,
      callContent,
      callArguments,
    })),
  );
  const calls = ways.find((shape) => {
    const text = written(shape, [user, callOf('abcdefgh1')]);
    const isThere = text.includes('zqk') && text.includes('zqv');
    return isThere && (shape.callArguments === 'object' || text.includes(ARGUMENTS));
  });
  const shape = { ...(calls ?? PLAIN), reasoning: reasoning ?? ('inline' as const) };

  const dialogue = (id: string): Message[] => [
    user,
    callOf(id),
    { role: 'tool', content: textContent('zqt'), toolCallId: id, toolName: 'zqf' },
  ];
  const refusesLongIds =
    written(shape, dialogue('call_0_0')) === '' && written(shape, dialogue('abcdefgh1')) !== '';
  return Object.freeze({ ...shape, callIds: refusesLongIds ? 'nine_letters' : 'as_given' });
}

/** Two spaces: a template that writes it anew has one or none. */
const ARGUMENTS = '{"zqk":  "zqv"}';

function callOf(id: string): AssistantMessage {
  const call = { id, name: 'zqf', argumentsText: ARGUMENTS };
  return { role: 'assistant', content: [], toolCalls: [call] };
}
