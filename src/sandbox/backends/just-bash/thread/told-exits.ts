import { type CommandNode, defineCommand, type StatementNode } from 'just-bash';
import { commandName, statementsOf } from './script.ts';

/** Named so that no script means it. */
const TELL = '__lx_exiting';

/** The variables of a shell that is about to end. */
export type TellVariables = (env: Readonly<Record<string, string>>) => void;

/** The command that {@link toldExits} puts before every `exit`. */
export function exitTeller(tell: TellVariables) {
  return defineCommand(TELL, async (_args, { env }) => {
    tell(Object.fromEntries(env));
    return { stdout: '', stderr: '', exitCode: 0 };
  });
}

/**
 * The same statements, where every `exit` of the shell itself tells its variables first: of a script that ends
 * by `exit` the interpreter forgets them. Those of subshells end nothing but the subshell.
 */
export function toldExits(statements: readonly StatementNode[]): StatementNode[] {
  return statements.map(told);
}

function told<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(told) as Value;
  if (typeof value !== 'object' || value === null || isApart(value)) return value;
  const node = value as object;
  if (isExit(node)) return tellThenExit(node) as Value;
  return Object.fromEntries(Object.entries(node).map(([key, each]) => [key, told(each)])) as Value;
}

/** Words, and what runs in a subshell. */
function isApart(node: object): boolean {
  if (!('type' in node)) return false;
  if (node.type === 'Pipeline') {
    return 'commands' in node && Array.isArray(node.commands) && node.commands.length > 1;
  }
  return node.type === 'Subshell' || node.type === 'Word';
}

type SimpleCommand = Extract<CommandNode, { type: 'SimpleCommand' }>;

function isExit(node: object): node is SimpleCommand {
  if (!('type' in node) || node.type !== 'SimpleCommand') return false;
  return commandName(node as SimpleCommand) === 'exit';
}

function tellThenExit(exit: SimpleCommand): CommandNode {
  const before = statementsOf(`__lx_code=$?; ${TELL}`);
  const [bare] = statementsOf('exit "$__lx_code"');
  const pipeline = {
    type: 'Pipeline' as const,
    commands: [{ ...exit, args: exit.args.map(withCode) }],
    negated: false,
  };
  const given: StatementNode = {
    type: 'Statement',
    pipelines: [pipeline],
    operators: [],
    background: false,
  };
  const last = exit.args.length === 0 && bare !== undefined ? bare : given;
  return { type: 'Group', body: [...before, last], redirections: [] };
}

/** `$?` by then is that of the telling. */
function withCode<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(withCode) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const node = Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withCode(each)]),
  );
  if (node['parameter'] === '?') node['parameter'] = '__lx_code';
  return node as Value;
}
