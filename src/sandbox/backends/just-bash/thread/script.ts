import { type CommandNode, parse, type ScriptNode, type StatementNode } from 'just-bash';

type Group = Extract<CommandNode, { type: 'Group' }>;
type Redirections = Group['redirections'];
export type FunctionNode = Extract<CommandNode, { type: 'FunctionDef' }>;

/** A word as bash reads it back. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

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
 * The same statements, each of which writes what it says to these files as soon as it has ended. The
 * interpreter would give all output at the end, and none of a script that was stopped.
 */
export function streamed(
  statements: readonly StatementNode[],
  redirections: Redirections,
): StatementNode[] {
  return statements.map((statement) => {
    const command = onlyCommand(statement);
    if (command !== undefined && isLeft(command)) return statement;
    const opened = command === undefined ? undefined : opening(command, redirections);
    if (opened !== undefined) return withCommand(statement, opened);
    const group: Group = { type: 'Group', body: [directly(statement, redirections)], redirections };
    const { line } = statement;
    return { ...statementOf(group), ...(line === undefined ? {} : { line }) };
  });
}

/**
 * The last command of a pipeline writes to the file itself: by way of its group, the interpreter would take
 * bytes for text.
 */
function directly(statement: StatementNode, redirections: Redirections): StatementNode {
  const pipelines = statement.pipelines.map((pipeline) => {
    const command = pipeline.commands.at(-1);
    if (command?.type !== 'SimpleCommand' || command.name === null) return pipeline;
    const direct = { ...command, redirections: [...redirections, ...command.redirections] };
    return { ...pipeline, commands: [...pipeline.commands.slice(0, -1), direct] };
  });
  return { ...statement, pipelines };
}

/** How output is sent to these files; `stderr` undefined for the same as `stdout`. */
export function sentTo(stdout: string, stderr: string | undefined): Redirections {
  const [statement] = statementsOf(
    `{ :; } >>${stdout} 2>${stderr === undefined ? '&1' : `>${stderr}`}`,
  );
  const group = statement === undefined ? undefined : onlyCommand(statement);
  if (group?.type !== 'Group') throw new Error('The interpreter reads a group as something else.');
  return group.redirections;
}

/** Every function that a script defines wherever, by its name; the last one of a name. */
export function functionsIn(script: ScriptNode): ReadonlyMap<string, FunctionNode> {
  const found = new Map<string, FunctionNode>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (isFunction(node)) found.set(node.name, node);
    for (const child of Object.values(node)) visit(child);
  };
  visit(script.statements);
  return found;
}

export function isFunction(node: object): node is FunctionNode {
  return 'type' in node && node.type === 'FunctionDef' && 'name' in node && 'body' in node;
}

function onlyCommand({ pipelines, background, deferredError }: StatementNode) {
  const [pipeline, ...more] = pipelines;
  if (pipeline === undefined || more.length > 0 || background || deferredError) return undefined;
  if (pipeline.negated || pipeline.timed || pipeline.commands.length !== 1) return undefined;
  return pipeline.commands[0];
}

function withCommand(statement: StatementNode, command: CommandNode): StatementNode {
  const [pipeline] = statement.pipelines;
  return pipeline === undefined
    ? statement
    : { ...statement, pipelines: [{ ...pipeline, commands: [command] }] };
}

/** What says nothing, and `exec`, whose redirections would end with the group that it is in. */
function isLeft(command: CommandNode): boolean {
  if (command.type === 'FunctionDef') return true;
  if (command.type !== 'SimpleCommand') return false;
  const [first] = command.name?.parts ?? [];
  return first?.type === 'Literal' && first.value === 'exec';
}

/** A compound command whose own statements write as they go; undefined for one that has to be taken whole. */
function opening(command: CommandNode, redirections: Redirections): CommandNode | undefined {
  if (command.type === 'SimpleCommand' || command.redirections.length > 0) return undefined;
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
      return undefined;
  }
}
