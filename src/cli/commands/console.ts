import { GetStatusRequest } from '../../../gen/ts/sboxagent/v1/agent_service.ts';
import { createToken, parseScopes } from '../../access/index.ts';
import { unary, withAgent } from '../agent.ts';
import { openPage } from '../browser.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { duration, list, text } from '../flags.ts';
import { print } from '../output.ts';
import { guarded, inAudit, stateDirOf, timeOf } from './token.ts';

const defaultScopes = ['read', 'operate'];
const defaultTtlMs = 12 * 3_600_000;

/** Where a browser on this machine finds the agent: of its listeners the TCP port, on the loopback where it listens on all addresses. */
export function pageAddress(listeners: readonly string[]): string | undefined {
  const listener = listeners.find((one) => /^https?:/.test(one));
  return listener?.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:').replace(/\/$/, '');
}

async function addressOf(context: Context): Promise<string> {
  const { listeners } = await withAgent(context, (agent) =>
    unary(agent, agent.agents.getStatus.bind(agent.agents), GetStatusRequest.create()),
  );
  const address = pageAddress(listeners);
  if (address !== undefined) return address;
  throw new Failure(EXIT.refused, 'the agent has no TCP port, so that no browser reaches it', {
    remedy: 'Set api.enabled to true and restart it.',
  });
}

export const openConsole: Handler = async (context, _args, flags) => {
  const ttlMs = duration(text(flags, 'ttl'), '--ttl') ?? defaultTtlMs;
  if (ttlMs === 0) throw usage('--ttl 0 would be over at once');
  const asked = list(flags, 'scope');
  const { stateDir, expected } = await stateDirOf(context);
  const address = await addressOf(context);
  const { clock, terminal } = context.io;
  const { record, token } = guarded(() => {
    const scopes = parseScopes((asked.length === 0 ? defaultScopes : asked).join(','));
    return inAudit(context, { stateDir, expected, method: 'token.create', target: '', changes: ['scopes', 'name', 'ttl'] }, () => {
      const value = createToken({ stateDir, scopes, clock, name: 'console', ttlMs });
      return { value, target: value.record.id };
    });
  });
  // The fragment never leaves the browser, and the page takes it out of the address bar.
  const url = `${address}/#token=${token}`;
  const opened = terminal && flags['open'] !== false && (await openPage(url, stateDir, await context.io.env()));
  const data = { url, id: record.id, scopes: record.scopes, expire_time: timeOf(record.expireTimeMs), opened };
  await print(context, data, () =>
    [
      `${opened ? 'Opened' : 'Open'}     ${url}`,
      `Scopes   ${record.scopes.join(',')}`,
      `Expires  ${timeOf(record.expireTimeMs) ?? ''}`,
      `Whoever has the address may do this until then: \`sboxagent token revoke ${record.id}\` ends it.\n`,
    ].join('\n'),
  );
  return EXIT.done;
};
