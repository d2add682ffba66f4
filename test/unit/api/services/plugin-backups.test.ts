import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListPluginConfigBackupsRequest } from '../../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { pluginService } from '../../../../src/api/services/plugin-service.ts';
import type { PluginBackup, Plugins } from '../../../../src/plugins/types.ts';

test('a page goes on where it was, also when the backup that its token names is gone', async () => {
  let revisions = [9, 7, 5, 3, 1];
  const backup = (revision: number): PluginBackup => ({ id: String(revision), revision, timeMs: 0, expireTimeMs: 0, bytes: 1 });
  const plugins = { get: () => ({}), documents: { backups: async () => revisions.map(backup) } } as unknown as Plugins;
  const service = pluginService({ plugins } as never);
  const page = async (pageToken: string): Promise<{ seen: number[]; next: string }> => {
    const request = { id: 'geo', pageSize: 2, pageToken } as ListPluginConfigBackupsRequest;
    const { backups = [], nextPageToken = '' } = await service.listPluginConfigBackups(request, undefined as never);
    return { seen: backups.map(({ revision = 0 }) => revision), next: nextPageToken };
  };
  const first = await page('');
  assert.deepEqual(first.seen, [9, 7]);
  revisions = [9, 5, 3, 1];
  const second = await page(first.next);
  assert.deepEqual(second.seen, [5, 3]);
  revisions = [9];
  assert.deepEqual(await page(second.next), { seen: [], next: '' });
});
