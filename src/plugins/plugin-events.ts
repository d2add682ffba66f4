import type { Journal, JsonObject, Severity } from '../events/index.ts';
import { ownSource } from '../kernel/own-names.ts';

export type PluginEventType = 'registered' | 'ended' | 'degraded' | 'unhealthy' | 'recovering' | 'recovered' | 'lost' | 'removed';

const severity: Readonly<Record<PluginEventType, Severity>> = {
  registered: 'INFO',
  ended: 'INFO',
  degraded: 'WARNING',
  unhealthy: 'ERROR',
  recovering: 'WARNING',
  recovered: 'INFO',
  lost: 'ERROR',
  removed: 'INFO',
};

export interface PluginEvent {
  readonly id: string;
  readonly type: PluginEventType;
  readonly data: JsonObject;
  /** Empty = none. */
  readonly traceId: string;
}

/** One event a transition. */
export function emitPluginEvent(journal: Pick<Journal, 'emit'>, { id, type, data, traceId }: PluginEvent): void {
  journal.emit({
    type: `plugin.${type}`,
    source: ownSource,
    subject: id,
    severity: severity[type],
    data,
    ...(traceId === '' ? {} : { traceId }),
  });
}
