import { ModalClient } from 'modal';
import { describe, expect, test } from 'vitest';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

describe.skipIf(noBoxes !== undefined)('the fake of Modal', () => {
  const bench = useFakeModal();

  test('refuses a call that our backend does not make', async () => {
    const client = new ModalClient();
    await expect(client.sandboxes.fromName('app', 'name')).rejects.toThrow(/unexpected call/);
    expect(bench.fake.faults.unexpected.splice(0)).toEqual([
      '/modal.client.ModalClient/SandboxGetFromNameV2',
    ]);
  });

  test('refuses a field that our backend does not set', async () => {
    const client = new ModalClient();
    const app = await client.apps.fromName('app', { createIfMissing: true });
    const image = await client.images.fromRegistry('debian:13').build(app);
    const named = client.sandboxes.create(app, image, { name: 'x', env: { A: '1' } });
    await expect(named).rejects.toThrow(/unexpected fields/);
    expect(bench.fake.faults.unexpected.splice(0)).toEqual([
      'SandboxCreateV2.6',
      'SandboxCreateV2.definition.30',
    ]);
  });
});
