import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, startTestGateway } from '../gateways/atropos/support.ts';
import {
  ACCEPTED,
  type AcceptedDifference,
  type AcceptedName,
} from './support/accepted-differences.ts';
import { differencesOf } from './support/differences.ts';
import { SCENARIOS, type Scenario } from './support/recorded-requests.ts';
import { startTheirServer, type TheirServer } from './support/their-server.ts';

let theirs: TheirServer;
beforeAll(async () => {
  theirs = await startTheirServer();
}, 60_000);
afterAll(async () => {
  await theirs[Symbol.asyncDispose]();
});

const met = new Set<AcceptedName>();
const anywhere = (Object.keys(ACCEPTED) as AcceptedName[]).filter(
  (name) => (ACCEPTED[name] as AcceptedDifference).anywhere === true,
);

test.each(SCENARIOS)(
  '$name: the answers are the same but for what is accepted',
  async ({ name, requests }: Scenario) => {
    await ask(theirs.address, '/__fresh', { method: 'POST' });
    await using ours = await startTestGateway();
    for (const [i, [path, sent = {}, ...names]] of requests.entries()) {
      const place = `${name}, request ${i} (${path})`;
      const [a, b] = [await ask(theirs.address, path, sent), await ours.ask(path, sent)];
      const explained = new Set<AcceptedName>();
      const unexplained = differencesOf(a, b).filter(({ field }) => {
        const by = [...names, ...anywhere].find((each) => {
          const { fields } = ACCEPTED[each] as AcceptedDifference;
          return fields === undefined || fields.test(field);
        });
        if (by !== undefined) explained.add(by);
        return by === undefined;
      });
      expect(unexplained, place).toEqual([]);
      // One that is named and not met would hide a later one.
      expect(
        [...names].filter((each) => !explained.has(each)),
        place,
      ).toEqual([]);
      for (const each of explained) met.add(each);
    }
  },
);

test('every accepted difference is met', () => {
  expect((Object.keys(ACCEPTED) as AcceptedName[]).filter((name) => !met.has(name))).toEqual([]);
});
