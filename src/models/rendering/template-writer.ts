import { invalidInput, LachesisError } from '../../errors.ts';
import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import { textContent } from '../../messages.ts';
import type { Observer } from './bounded-interpreter.ts';
import type { ChatTemplate } from './chat-template.ts';
import { allMatches, controlPattern } from './control-pattern.ts';
import {
  type KeptEdges,
  TextMarks,
  type TextMarksOptions,
  type TextRun,
  textOfRuns,
} from './marked-text.ts';
import { type MessageShape, templateMessage, templateTools } from './template-messages.ts';

export interface WriteOptions {
  readonly tools: readonly ToolDefinition[];
  /** End with what an assistant's turn begins with. */
  readonly generationPrompt: boolean;
  /** What is taken off the index of a message to name it. Default: 0. */
  readonly indexOffset?: number;
  /** Sees the template at work on marked texts. */
  readonly observe?: Observer;
}

/** Writes conversations by a template, in the shape that the template reads. */
export interface TemplateWriter {
  readonly shape: MessageShape;
  /** @throws invalid_input for content it has no words for, and where the template refuses. */
  write(messages: readonly Message[], options: WriteOptions): TextRun[];
  /** The text alone. */
  text(messages: readonly Message[], options: WriteOptions): string;
}

export interface TemplateWriterOptions {
  readonly template: ChatTemplate;
  /** The control tokens, as they are spelled. */
  readonly control: readonly string[];
}

export function createTemplateWriter(options: TemplateWriterOptions): TemplateWriter {
  return writerOf(
    options,
    findShape((shape) => writerOf(options, shape)),
  );
}

function writerOf(
  { template, control: tokens }: TemplateWriterOptions,
  shape: MessageShape,
): TemplateWriter {
  const control = controlPattern(tokens);
  const ends = controlPattern([...new Set(tokens.flatMap((text) => [text.at(0)!, text.at(-1)!]))]);
  const blanks = ends && new RegExp(ends.source, 'g');
  const escapes = template.source.includes('ensure_ascii');
  const runsOf = (
    messages: readonly Message[],
    options: WriteOptions,
    how: TextMarksOptions,
  ): TextRun[] => {
    const { tools, generationPrompt, indexOffset = 0 } = options;
    const marks = new TextMarks(control, { ...how, escapes });
    const variables = {
      messages: messages.map((message, index) =>
        templateMessage(message, { shape, marks, index: index - indexOffset }),
      ),
      tools: templateTools(tools, marks),
      documents: null,
      add_generation_prompt: generationPrompt,
    };
    const rendered = template.render(variables, how.tracks ? options.observe : undefined);
    return marks.read(rendered);
  };
  return Object.freeze({
    shape,
    write(messages: readonly Message[], options: WriteOptions) {
      const marked = runsOf(messages, options, { tracks: true });
      const plain = runsOf(messages, options, { tracks: false });
      if (textOfRuns(marked) === textOfRuns(plain)) return marked;
      // The template looks into its texts, and took the marks for letters of theirs: nobody can say whose
      // text is whose, only that the control tokens don't come of letters in messages.
      const blank = runsOf(messages, options, { tracks: false, blanks });
      const controls = (runs: readonly TextRun[]) => controlsIn(runs, control).join('\n');
      if (controls(plain) !== controls(blank)) throw ambiguousControl();
      return plain;
    },
    text: (messages: readonly Message[], options: WriteOptions) =>
      textOfRuns(runsOf(messages, options, { tracks: false })),
  });
}

/** The control tokens that the template's own runs spell, in order. */
function controlsIn(runs: readonly TextRun[], control: RegExp | undefined): string[] {
  if (control === undefined) return [];
  return runs.flatMap(({ text, owner }) =>
    owner === undefined ? allMatches(control, text).map(([token]) => token) : [],
  );
}

function ambiguousControl(): LachesisError {
  return invalidInput(
    'messages',
    'make the template write other control tokens than it would by itself.',
    {
      reason: 'AMBIGUOUS_CONTROL_TOKEN',
      remedy:
        'This template cuts or compares texts: take out what spells a part of a control token.',
    },
  );
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
