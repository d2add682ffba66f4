/** ConfigService: the agent's own configuration. */
import { ConfigRevisionSchema } from '../../../gen/es/sboxagent/v1/config_pb.js';
import type { ConfigService } from '../../../gen/es/sboxagent/v1/config_service_pb.js';
import { problemsFor } from '../../config/index.ts';
import { authorOf, callOf } from '../calls.ts';
import { candidateOf } from '../convert/config.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

export function configService({ config }: Pick<ServiceDeps, 'config'>): ServiceOf<typeof ConfigService> {
  return {
    getConfig: () => config.get(),

    updateConfig(request, context) {
      const { updateMask, etag, reason, validateOnly } = request;
      const { principal: caller } = callOf(context);
      const mask = updateMask?.paths ?? [];
      return config.update(candidateOf(request), {
        mask,
        etag: etag || undefined,
        validateOnly,
        author: authorOf(context, reason),
        caller,
      });
    },

    reloadConfig: (_request, context) => config.reload(authorOf(context, '')),

    validateConfig(request, context) {
      const violations = problemsFor(callOf(context).principal, config.validate(candidateOf(request)));
      return { valid: violations.length === 0, violations };
    },

    async listConfigRevisions(request) {
      const asked = askedPage(request, { list: 'config_revisions', said: [], cursor: 'number' });
      const found = await config.revisions({ limit: asked.size + 1, before: asked.after });
      const { page, nextPageToken } = asked.cut(found, { schema: ConfigRevisionSchema, cursorOf: ({ revision }) => revision });
      return { revisions: page, nextPageToken };
    },

    rollbackConfig: ({ revision, reason }, context) => config.rollback(revision, authorOf(context, reason), callOf(context).principal),
  };
}
