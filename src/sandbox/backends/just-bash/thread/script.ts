import { type CommandNode, parse, type ScriptNode, type StatementNode } from 'just-bash';

type Group = Extract<CommandNode, { type: 'Group' }>;
type Redirections = Group['redirections'];
export type FunctionNode = Extract<CommandNode, { type: 'FunctionDef' }>;

export function statementsOf(text: string): readonly StatementNode[] {
  return parse(text).statements;
}

export function statementOf(command: CommandNode): StatementNode {
  return {
    type: 'Statement',
    pipelines: [{ type: 'Pipeline', commands: [command], negated: false }],
    operators: [],
    background: false,
  };
}

/**
 * The same statements, whose commands write what they say to these files as soon as they have ended. The
 * interpreter would give all output at the end, and none of a script that was stopped. Nothing is put into a
 * group of ours: in a group the interpreter takes bytes for text, and goes on after an unset variable.
 */
export function streamed(
  statements: readonly StatementNode[],
  redirections: Redirections,
): StatementNode[] {
  let isRedirected = false;
  return statements.map((statement) => {
    // From here on its output goes where `exec` sends it.
    isRedirected ||= statement.pipelines.some(({ commands }) => commands.some(isExec));
    if (isRedirected) return statement;
    const pipelines = statement.pipelines.map((pipeline) => {
      const last = pipeline.commands.length - 1;
      const commands = pipeline.commands.map((command, i) => {
        if (i === last)
          return last === 0 ? opened(command, redirections) : sent(command, redirections);
        const isPiped = pipeline.pipeStderr?.[i] === true;
        return isPiped ? command : sent(command, complaints(redirections));
      });
      return { ...pipeline, commands };
    });
    return { ...statement, pipelines };
  });
}

/** How output is sent to these files; `stderr` undefined for the same as `stdout`. */
export function sentTo(stdout: string, stderr: string | undefined): Redirections {
  const [statement] = statementsOf(
    `{ :; } >>${stdout} 2>${stderr === undefined ? '&1' : `>${stderr}`}`,
  );
  const group = statement?.pipelines[0]?.commands[0];
  if (group?.type !== 'Group') throw new Error('The interpreter reads a group as something else.');
  return group.redirections;
}

/** Every function that a script defines wherever, by its name; the last one of a name. */
export function functionsIn(script: ScriptNode): ReadonlyMap<string, FunctionNode> {
  const found = new Map<string, FunctionNode>();
  visit(script, (node) => {
    if (isFunction(node)) found.set(node.name, node);
  });
  return found;
}

/** Whether anything in it is to run in the background. */
export function hasBackground(script: ScriptNode): boolean {
  let found = false;
  visit(script, (node) => {
    found ||= 'background' in node && node.background === true;
  });
  return found;
}

function visit(node: unknown, tell: (node: object) => void): void {
  if (typeof node !== 'object' || node === null) return;
  tell(node);
  for (const child of Object.values(node)) visit(child, tell);
}

export function isFunction(node: object): node is FunctionNode {
  return 'type' in node && node.type === 'FunctionDef' && 'name' in node && 'body' in node;
}

function isExec(command: CommandNode): boolean {
  return command.type === 'SimpleCommand' && commandName(command) === 'exec';
}

/** Undefined for a name that has to be expanded first. */
export function commandName(command: Extract<CommandNode, { type: 'SimpleCommand' }>) {
  const [first, ...more] = command.name?.parts ?? [];
  return first?.type === 'Literal' && more.length === 0 ? first.value : undefined;
}

/** Its own redirections come after, so that `2>&1` of its own means these files. */
function sent(command: CommandNode, redirections: Redirections): CommandNode {
  const saysNothing =
    command.type === 'FunctionDef' || (command.type === 'SimpleCommand' && command.name === null);
  if (saysNothing) return command;
  return { ...command, redirections: [...redirections, ...command.redirections] };
}

/** Those of `stderr` alone, which is what a pipeline leaves of a command that is not its last. */
function complaints(redirections: Redirections): Redirections {
  const [out, err] = redirections;
  if (out === undefined || err === undefined) return redirections;
  // With `2>&1`, the file is that of `stdout`.
  return [err.operator === '>&' ? { ...out, fd: 2 } : err];
}

/** Where it can be, a compound command's own statements write as they go. */
function opened(command: CommandNode, redirections: Redirections): CommandNode {
  if (command.type === 'SimpleCommand' || command.redirections.length > 0) {
    return sent(command, redirections);
  }
  const each = (body: readonly StatementNode[]) => streamed(body, redirections);
  switch (command.type) {
    case 'While':
    case 'Until':
      return { ...command, condition: each(command.condition), body: each(command.body) };
    case 'For':
    case 'CStyleFor':
    case 'Group':
      return { ...command, body: each(command.body) };
    case 'If': {
      const clauses = command.clauses.map(({ condition, body }) => ({
        condition: each(condition),
        body: each(body),
      }));
      const { elseBody } = command;
      return { ...command, clauses, elseBody: elseBody === null ? null : each(elseBody) };
    }
    default:
      return sent(command, redirections);
  }
}
