import type { Journal, JsonObject } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/index.ts';
import { normalise } from '../normalise/normalise.ts';
import { type Answer, isTable, type Message } from './messages.ts';

/** How the agent is, as sboxmgr is told. */
export interface BridgeStatus {
  readonly version: string;
  readonly uptimeMs: number;
  readonly health: 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY';
  /** Further facts of the answer to `status`; nothing in it is null. */
  readonly facts: JsonObject;
}

export interface RequestContext {
  readonly publisher: Pick<Journal, 'publish'>;
  readonly status: () => BridgeStatus;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** sboxmgr waits 5 s: a disk that takes longer is told of, and the event, if it comes through, is stored once all the same. */
const publishLimitMs = 4_000;
/** Where an event names no source. */
const defaultSource = 'sboxmgr';

/** Does what a message asks for. Never rejects. */
export async function answerMessage(message: Message, context: RequestContext): Promise<Answer> {
  try {
    switch (message['type']) {
      case 'command':
        return command(message, context);
      case 'event':
        return await event(message, context);
      case 'heartbeat':
        return heartbeat(message, context);
      default:
        return invalid('the type must be command, event or heartbeat');
    }
  } catch (error) {
    return failure(error, context.logger);
  }
}

function invalid(message: string): Answer {
  return { kind: 'error', code: 'INVALID_MESSAGE', message };
}

function failure(error: unknown, logger: Logger): Answer {
  if (!(error instanceof AgentError)) {
    logger.error({ err: error }, 'a request of sboxmgr failed');
    return { kind: 'error', code: 'INTERNAL', message: 'a fault of the agent: its log has the cause' };
  }
  const { reason, message, metadata, violations, remedy } = error;
  const fields = Object.fromEntries(violations.map((violation) => [violation.field, violation.message]));
  return { kind: 'error', code: reason, message, details: { ...metadata, ...(violations.length > 0 && { fields }), remedy } };
}

const words = { HEALTHY: 'healthy', DEGRADED: 'degraded', UNHEALTHY: 'unhealthy' } as const;

function command(message: Message, { status }: RequestContext): Answer {
  const given = message['command'];
  const name = isTable(given) ? given['command'] : given;
  if (typeof name !== 'string') return invalid('a command must have the form {"command": {"command": NAME, "params": {}}}');
  switch (name) {
    case 'ping':
      return { kind: 'success', data: { pong: true } };
    case 'version':
      return { kind: 'success', data: { version: status().version } };
    case 'status': {
      const { version, uptimeMs, health, facts } = status();
      return { kind: 'success', data: { ...facts, status: words[health], version, uptime_seconds: uptimeMs / 1000 } };
    }
    default:
      return {
        kind: 'error',
        code: 'COMMAND_UNKNOWN',
        message: `unknown command ${JSON.stringify(name.slice(0, 100))}: it is one of ping, status, version`,
      };
  }
}

function heartbeat(message: Message, { status }: RequestContext): Answer {
  const given = message['heartbeat'];
  if (!isTable(given) || typeof given['agent_id'] !== 'string' || typeof given['status'] !== 'string') {
    return invalid('a heartbeat must have the form {"heartbeat": {"agent_id": TEXT, "status": TEXT}}');
  }
  const { version, uptimeMs, health } = status();
  return { kind: 'heartbeat', heartbeat: { agent_id: 'sboxagent', status: words[health], uptime_seconds: uptimeMs / 1000, version } };
}

/** Answered when the event is on the disk. */
async function event(message: Message, context: RequestContext): Promise<Answer> {
  const given = message['event'];
  const inner = isTable(given) && isTable(given['event']) ? given['event'] : given;
  const made = normalise(inner, {
    id: message['id'],
    timestamp: message['timestamp'],
    correlationId: message['correlation_id'],
    metadata: message['metadata'],
  });
  if (!made.ok) return { kind: 'error', code: 'INVALID_EVENT', message: made.message };
  const late = new AbortController();
  const publishing = context.publisher.publish([made.event], { source: defaultSource });
  const limit = context.clock.sleep(publishLimitMs, late.signal).then(
    () => undefined,
    () => undefined,
  );
  publishing.catch(() => {}); // told below, unless it comes too late
  const receipts = await Promise.race([publishing, limit]).finally(() => late.abort());
  const stored = receipts?.[0];
  if (stored === undefined) {
    return {
      kind: 'error',
      code: 'JOURNAL_UNAVAILABLE',
      message: `the event was not stored within ${publishLimitMs / 1000} s; send it again`,
    };
  }
  const { event: kept, duplicate } = stored;
  return {
    kind: 'success',
    data: {
      event_id: kept.id,
      type: kept.type,
      revision: kept.revision,
      duplicate,
      ...(kept.traceId !== '' && { trace_id: kept.traceId }),
    },
  };
}
