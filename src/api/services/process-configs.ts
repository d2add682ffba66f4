/** The part of ProcessService that is about configs of engines. */
import type { ServiceImpl } from '@connectrpc/connect';
import { ProcessConfigRevisionSchema } from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import type { ProcessService } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import type { ProcessConfigs } from '../../processes/index.ts';
import { authorOf } from '../calls.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';
import { applyMessage, configRevisionMessage, formatOf, processConfigMessage } from '../convert/process-config.ts';

type Methods = Pick<
  ServiceImpl<typeof ProcessService>,
  'getProcessConfig' | 'applyProcessConfig' | 'getApply' | 'listProcessConfigRevisions' | 'rollbackProcessConfig'
>;

export function processConfigMethods(configs: ProcessConfigs): Methods {
  return {
    getProcessConfig: async ({ id }) => processConfigMessage(await configs.get(id)),

    async applyProcessConfig({ id, content, format, etag, reason, validateOnly, async: background }, context) {
      const author = authorOf(context, reason);
      return applyMessage(await configs.apply(id, { content, format: formatOf(format), etag, author, validateOnly, background }));
    },

    getApply: async ({ id }) => applyMessage(await configs.find(id)),

    async listProcessConfigRevisions(request) {
      const binding = pageBinding('process_config_revisions', request.id);
      const before = readPageToken(request.pageToken, binding, 'number');
      const limit = pageSize(request.pageSize);
      const revisions = await configs.revisions(request.id, { limit: limit + 1, before });
      const page = withinPage(ProcessConfigRevisionSchema, revisions.slice(0, limit).map(configRevisionMessage));
      const nextPageToken = pageToken(binding, page.length < revisions.length ? page.at(-1)?.revision : undefined);
      return { revisions: page, nextPageToken };
    },

    async rollbackProcessConfig({ id, revision, reason, async: background }, context) {
      return applyMessage(await configs.rollback(id, { revision, author: authorOf(context, reason), background }));
    },
  };
}
