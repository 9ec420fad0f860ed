import type { HarborOptions, JsonObject, Rollout } from 'lachesis';
import { expect, test } from 'vitest';
import { harborEnvironment, hostEnvironment, playRollout } from '../../../src/environment/index.ts';
import { textOf } from '../../../src/messages.ts';
import { boxes } from '../../examples/support/boxes.ts';
import { fakeModelServer } from '../fake-model-server.ts';
import { taskFolder } from './task-folder.ts';

const pool = boxes();

/** An agent that runs one command and answers. */
async function play(
  files: Readonly<Record<string, string | undefined>>,
  command = 'true',
  options: HarborOptions = {},
  args: JsonObject = {},
): Promise<Rollout> {
  const definition = harborEnvironment(taskFolder(files), { onWarning: () => {}, ...options });
  await using environment = await hostEnvironment(definition, {}, { sandboxes: pool() });
  const rollout = await playRollout({
    environment,
    modelServer: fakeModelServer((_, call) =>
      call === 1 ? { call: { name: 'terminal', args: { command, ...args } } } : { text: 'done' },
    ),
    ...{ rolloutId: 'r.0', groupId: 'r', index: 0, task: (await environment.tasks.get('one'))! },
    signal: new AbortController().signal,
  });
  expect(pool().stats().leased).toBe(0);
  return rollout;
}

/** What the agent's command printed. */
function told({ result }: Rollout): string {
  const message = result.messages.find(({ role }) => role === 'tool');
  return (JSON.parse(textOf(message!)) as { output: string }).output;
}

const verifier = (script: string) => ({ 'tests/test.sh': script });

test('the reward is what the verifier wrote of what the agent left', async () => {
  expect((await play({}, 'touch done')).outcome).toMatchObject({ kind: 'scored', reward: 1 });
  expect((await play({})).outcome).toMatchObject({ kind: 'scored', reward: 0 });
});

test('tests and solution are not there while the agent plays', async () => {
  const rollout = await play({}, 'pwd; ls -A /tests /solution /logs /app');
  expect(told(rollout)).toBe('/app\n/app:\n\n/logs:\n\n/solution:\n\n/tests:');
});

test('what an agent laid where tests and rewards belong counts for nothing', async () => {
  const plant =
    'mkdir -p /logs/verifier /tests; echo 1 > /logs/verifier/reward.txt; echo 1 > /tests/extra';
  const rollout = await play(
    verifier(
      '[ -e /tests/extra ] && echo 1 > /logs/verifier/reward.txt; [ -e /logs/verifier/reward.txt ] || echo 0 > /logs/verifier/reward.txt',
    ),
    plant,
  );
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 0 });
});

test('what the agent started in the background is ended before the tests run', async () => {
  const rollout = await play(
    verifier('pgrep sleep > /dev/null; echo $? > /logs/verifier/reward.txt'),
    'sleep 4321',
    {},
    { background: true },
  );
  expect(told(rollout)).toBe('Background process started');
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
});

test('what the agent detached from its shell is ended before the tests run', async () => {
  const rollout = await play(
    verifier('pgrep sleep > /dev/null; echo $? > /logs/verifier/reward.txt'),
    '(setsid sleep 4322 > /dev/null 2>&1 &); sleep 0.2; pgrep -c sleep',
  );
  expect(told(rollout)).toBe('1');
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
});

test.each<[string, string, object]>([
  ['one number', '{"score": 0.25}', { reward: 0.25 }],
  ['a bare number', '0.5', { reward: 0.5 }],
  ['several with a reward', '{"reward": 0.75, "speed": 3}', { reward: 0.75 }],
])('reward.json: %s', async (_, json, outcome) => {
  const rollout = await play(verifier(`echo '${json}' > /logs/verifier/reward.json`));
  expect(rollout.outcome).toMatchObject({ kind: 'scored', ...outcome });
  if (json.includes('speed')) expect(rollout.metrics).toMatchObject({ speed: 3 });
});

test.each<[string, string, string, RegExp]>([
  [
    'nothing',
    'echo broken >&2; exit 3',
    'HARBOR_NO_REWARD',
    /Task `one`: .*neither.*\(exit code 3\).*broken/s,
  ],
  [
    'an empty file',
    'true > /logs/verifier/reward.txt',
    'HARBOR_BAD_REWARD',
    /wrote "".*not a number/,
  ],
  ['a word', 'echo passed > /logs/verifier/reward.txt', 'HARBOR_BAD_REWARD', /wrote "passed\\n"/],
  ['NaN', 'echo NaN > /logs/verifier/reward.txt', 'HARBOR_BAD_REWARD', /wrote "NaN\\n"/],
  [
    'names without a reward',
    `echo '{"a":1,"b":0}' > /logs/verifier/reward.json`,
    'HARBOR_BAD_REWARD',
    /one is `reward`/,
  ],
  ['no JSON', 'echo { > /logs/verifier/reward.json', 'HARBOR_BAD_REWARD', /reward\.json/],
  ['a link', 'ln -s /etc/passwd /logs/verifier/reward.txt', 'HARBOR_NO_REWARD', /neither/],
])(
  'a verifier that writes %s is the task’s fault, and no score',
  async (_, script, reason, message) => {
    const { outcome } = await play(verifier(script));
    expect(outcome).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'environment_error', reason, message: expect.stringMatching(message) },
    });
  },
);

test('a verifier that takes too long is the task’s fault, and no score', async () => {
  const { outcome } = await play({
    ...verifier('echo 1 > /logs/verifier/reward.txt; sleep 60'),
    'task.toml': '[verifier]\ntimeout_sec = 0.5\n',
  });
  expect(outcome).toMatchObject({
    kind: 'not_scored',
    failure: {
      ...{ kind: 'environment_error', reason: 'HARBOR_TIMEOUT' },
      message: expect.stringMatching(/longer than the 0\.5 s of verifier\.timeout_sec/),
    },
  });
});

test('an agent whose own time is over is scored by what it did until then', async () => {
  const files = { 'task.toml': '[agent]\ntimeout_sec = 0.3\n' };
  const { outcome, result } = await play(files, 'touch done; sleep 1');
  expect(outcome).toMatchObject({ kind: 'scored', reward: 1 });
  expect(result.turns).toHaveLength(1);
});

test('an image that the backend does not have is refused with the way out', async () => {
  const { outcome } = await play({ 'task.toml': '[environment]\ndocker_image = "python:3.13"\n' });
  expect(outcome).toMatchObject({
    kind: 'not_scored',
    failure: {
      ...{ kind: 'environment_error', reason: 'HARBOR_IMAGE' },
      message: expect.stringMatching(
        /image python:3\.13, and `bubblewrap` has none.*--sandbox docker/,
      ),
    },
  });
});

test('what the backend can’t hold to is told once; files, variables and the directory are there', async () => {
  const warnings: string[] = [];
  const rollout = await play(
    {
      'task.toml': '[environment]\ncpus = 2\nmemory_mb = 512\n[verifier.env]\nWORD = "a b"\n',
      'environment/Dockerfile':
        'FROM debian\nENV COLOR=red\nWORKDIR /work\nCOPY data /data/\nCOPY one.txt two.txt ./\n',
      ...{ 'environment/one.txt': '1', 'environment/two.txt': '2', 'environment/data/x': 'x' },
      ...verifier('[ "$WORD" = "a b" ] && [ -e done ] && echo 1 > /logs/verifier/reward.txt'),
    },
    'echo $COLOR; pwd; ls . /data; touch done',
    { onWarning: (message) => void warnings.push(message) },
  );
  expect(told(rollout)).toBe('red\n/work\n.:\none.txt\ntwo.txt\n\n/data:\nx');
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
  expect(warnings).toEqual([
    expect.stringMatching(/1 tasks .*Dockerfile and no image \(debian\)/),
    expect.stringMatching(/`bubblewrap` can't hold sandboxes to `cpus`/),
  ]);
});
