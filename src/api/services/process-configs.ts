/** The part of ProcessService that is about configs of engines. */
import { ProcessConfig_Format, ProcessConfigRevisionSchema } from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import type { ProcessService } from '../../../gen/es/sboxagent/v1/process_service_pb.js';
import type { ConfigFormat } from '../../processes/index.ts';
import { authorOf } from '../calls.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

type Methods = Pick<
  ServiceOf<typeof ProcessService>,
  'getProcessConfig' | 'applyProcessConfig' | 'getApply' | 'listProcessConfigRevisions' | 'rollbackProcessConfig'
>;

function formatOf(format: ProcessConfig_Format): ConfigFormat | undefined {
  if (format === ProcessConfig_Format.JSON) return 'json';
  return format === ProcessConfig_Format.YAML ? 'yaml' : undefined;
}

export function processConfigMethods({ configs }: Pick<ServiceDeps, 'configs'>): Methods {
  return {
    async getProcessConfig({ id }) {
      const { format, timeMs, ...view } = await configs.get(id);
      return { ...view, format: format === 'json' ? 'JSON' : 'YAML', timeMs: timeMs > 0 ? timeMs : undefined };
    },

    applyProcessConfig({ id, content, format, etag, reason, validateOnly, async: background }, context) {
      const author = authorOf(context, reason);
      return configs.apply(id, { content, format: formatOf(format), etag, author, validateOnly, background });
    },

    getApply: ({ id }) => configs.find(id),

    async listProcessConfigRevisions(request) {
      const asked = askedPage(request, { list: 'process_config_revisions', said: [request.id], cursor: 'number' });
      const found = await configs.revisions(request.id, { limit: asked.size + 1, before: asked.after });
      const { page, nextPageToken } = asked.cut(found, { schema: ProcessConfigRevisionSchema, cursorOf: ({ revision }) => revision });
      return { revisions: page, nextPageToken };
    },

    rollbackProcessConfig: ({ id, revision, reason, async: background }, context) =>
      configs.rollback(id, { revision, author: authorOf(context, reason), background }),
  };
}
