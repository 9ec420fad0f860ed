import { LachesisError } from '../../errors.ts';
import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import { textContent } from '../../messages.ts';
import type { ChatTemplate } from './chat-template.ts';
import { type KeptEdges, TextMarks, type TextRun, textOfRuns } from './marked-text.ts';
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

/** The template raised, as templates do for what they don't know. */
export function isRefusal(thrown: unknown): thrown is LachesisError {
  return thrown instanceof LachesisError && thrown.reason === 'TEMPLATE_REFUSED';
}

const PLAIN: MessageShape = Object.freeze({
  reasoning: 'reasoning_content',
  callArguments: 'text',
  callContent: '',
  callIds: 'as_given',
  edges: edgesOf(() => ({ lead: false, trail: false })),
});

function edgesOf(find: (role: Message['role']) => KeptEdges): MessageShape['edges'] {
  return {
    system: find('system'),
    user: find('user'),
    assistant: find('assistant'),
    tool: find('tool'),
  };
}

/** Tries one thing after the other and takes the first that the template writes. */
function findShape(writerFor: (shape: MessageShape) => TemplateWriter): MessageShape {
  const runsOf = (shape: MessageShape, messages: readonly Message[]): readonly TextRun[] => {
    try {
      return writerFor(shape).write(messages, { tools: [], generationPrompt: false });
    } catch (thrown) {
      if (isRefusal(thrown)) return [];
      throw thrown;
    }
  };
  const written = (shape: MessageShape, messages: readonly Message[]): string =>
    textOfRuns(runsOf(shape, messages));

  const thinking: AssistantMessage = { ...talk('zqc'), reasoning: 'zqr' };
  const reasoning = (['reasoning_content', 'reasoning', 'thinking'] as const).find((field) =>
    written({ ...PLAIN, reasoning: field }, [user('zqu'), thinking]).includes('zqr'),
  );

  const ways: readonly MessageShape[] = (['', null] as const).flatMap((callContent) =>
    (['text', 'object'] as const).map((callArguments) => ({
      ...PLAIN,
      callContent,
      callArguments,
    })),
  );
  const calls = ways.find((shape) => {
    const text = written(shape, [user('zqu'), callOf(SHORT_ID)]);
    const isThere = text.includes('zqk') && text.includes('zqv');
    return isThere && (shape.callArguments === 'object' || text.includes(ARGUMENTS));
  });
  const shape = { ...(calls ?? PLAIN), reasoning: reasoning ?? ('inline' as const) };

  const refusesLongIds =
    written(shape, dialogueTo('tool', 'zqt', 'call_0_0')) === '' &&
    written(shape, dialogueTo('tool', 'zqt')) !== '';
  return Object.freeze({
    ...shape,
    callIds: refusesLongIds ? 'nine_letters' : 'as_given',
    edges: edgesOf((role) => {
      const around = (text: string): { before: string; after: string } => {
        const runs = runsOf(shape, dialogueTo(role, text));
        const at = runs.findLastIndex((run) => run.text === 'zq');
        return { before: textOfRuns(runs.slice(0, at)), after: textOfRuns(runs.slice(at + 1)) };
      };
      const bare = around('zq');
      const spaced = around(' \n zq \n ');
      // As it is, or as `tojson` writes it.
      const isKept = (found: string, whole: (edge: string) => string): boolean =>
        [' \n ', ' \\n '].some((edge) => found === whole(edge));
      return {
        lead: isKept(spaced.before, (edge) => bare.before + edge),
        trail: isKept(spaced.after, (edge) => edge + bare.after),
      };
    }),
  });
}

/** Two spaces: a template that writes it anew has one or none. */
const ARGUMENTS = '{"zqk":  "zqv"}';
/** Of nine letters and digits, which suits every template. */
const SHORT_ID = 'abcdefgh1';

const user = (text: string): Message => ({ role: 'user', content: textContent(text) });
const talk = (text: string): AssistantMessage => ({
  role: 'assistant',
  content: textContent(text),
  toolCalls: [],
});

function callOf(id: string): AssistantMessage {
  const call = { id, name: 'zqf', argumentsText: ARGUMENTS };
  return { role: 'assistant', content: [], toolCalls: [call] };
}

/** A conversation whose last text, or first for a system message, is that of a role. */
function dialogueTo(role: Message['role'], text: string, id = SHORT_ID): Message[] {
  const content = textContent(text);
  switch (role) {
    case 'system':
      return [{ role, content }, user('zqu')];
    case 'user':
      return [user(text)];
    case 'assistant':
      return [user('zqu'), talk(text)];
    case 'tool':
      return [user('zqu'), callOf(id), { role, content, toolCallId: id, toolName: 'zqf' }];
  }
}
