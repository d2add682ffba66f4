/** ConfigService: the agent's own configuration. */
import type { ServiceImpl } from '@connectrpc/connect';
import { ConfigRevisionSchema } from '../../../gen/es/sboxagent/v1/config_pb.js';
import type { ConfigService } from '../../../gen/es/sboxagent/v1/config_service_pb.js';
import { problemsFor } from '../../config/index.ts';
import type { ConfigManager } from '../../config/types.ts';
import { authorOf, callOf } from '../calls.ts';
import { candidateOf, changeMessage, configMessage, configRevisionMessage, problemMessage } from '../convert/config.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';

export interface ConfigServiceDeps {
  readonly config: ConfigManager;
}

/** Deeper than any key; a document from outside may not nest without end. */
const limits = { maxDepth: 32 };

export function configService({ config }: ConfigServiceDeps): ServiceImpl<typeof ConfigService> {
  return {
    getConfig: () => configMessage(config.get()),

    async updateConfig(request, context) {
      const { updateMask, etag, reason, validateOnly } = request;
      const author = authorOf(context, reason);
      return changeMessage(
        await config.update(candidateOf(request, limits), {
          mask: updateMask?.paths ?? [],
          etag: etag || undefined,
          validateOnly,
          author,
          caller: callOf(context).principal,
        }),
      );
    },

    reloadConfig: async (_request, context) => changeMessage(await config.reload(authorOf(context, ''))),

    validateConfig(request, context) {
      const problems = problemsFor(callOf(context).principal, config.validate(candidateOf(request, limits)));
      return { valid: problems.length === 0, violations: problems.map(problemMessage) };
    },

    async listConfigRevisions(request) {
      const binding = pageBinding('config_revisions');
      const before = readPageToken(request.pageToken, binding, 'number');
      const limit = pageSize(request.pageSize);
      const revisions = await config.revisions({ limit: limit + 1, ...(before !== undefined && { before }) });
      const page = withinPage(ConfigRevisionSchema, revisions.slice(0, limit).map(configRevisionMessage));
      const nextPageToken = pageToken(binding, page.length < revisions.length ? page.at(-1)?.revision : undefined);
      return { revisions: page, nextPageToken };
    },

    rollbackConfig: async ({ revision, reason }, context) =>
      changeMessage(await config.rollback(revision, authorOf(context, reason), callOf(context).principal)),
  };
}
