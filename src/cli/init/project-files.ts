import type { Template } from './templates.ts';

/** The files of a new project, by path. Pure: the same name and template give the same texts. */
export function projectFiles(
  name: string,
  template: Template,
  lachesisSpec: string,
): Readonly<Record<string, string>> {
  return {
    'package.json': packageJson(name, lachesisSpec),
    'environment.ts': template.environment(name),
    'README.md': readme(name),
    'tsconfig.json': TSCONFIG,
    '.gitignore': 'node_modules/\n.lachesis/\n*.jsonl\n!tasks.jsonl\n',
  };
}

function packageJson(name: string, lachesisSpec: string): string {
  const project = {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=22.18' },
    scripts: {
      validate: 'lachesis validate environment.ts',
      serve: 'lachesis serve environment.ts',
      check: 'tsc',
    },
    dependencies: { lachesis: lachesisSpec },
    devDependencies: { '@types/node': '^24.0.0', typescript: '>=5.9' },
  };
  return `${JSON.stringify(project, null, 2)}\n`;
}

/** Node strips types and runs the file as it is, so only what it can strip is allowed. */
const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
    },
    include: ['*.ts'],
  },
  null,
  2,
)}
`;

function readme(name: string): string {
  return `# ${name}

A Lachesis environment: \`environment.ts\` has its tasks,
what the model is asked, and how an answer is scored.

    npm install
    npx lachesis validate environment.ts   # are the tasks and the reward sound? needs no model
    npx lachesis evaluate environment.ts --openai-url http://127.0.0.1:8000/v1 --openai-model NAME
    npx lachesis serve environment.ts      # for a trainer, over gRPC

\`lachesis COMMAND --help\` tells more of each.
`;
}
