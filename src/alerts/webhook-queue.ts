import type { AlertView } from './types.ts';

/** Alerts that wait for one webhook. */
export const maxQueued = 1000;

/** What a webhook has not been told: at most one word an alert, the newest, in the order in which they changed first. */
export interface WebhookQueue {
  /** Answers what had to leave: of a full queue the oldest resolved one, else the oldest. */
  put(view: AlertView): AlertView | undefined;
  /** The first so many; they stay until `done`. */
  batch(most: number): readonly AlertView[];
  /** Takes away what was told, unless there is a newer word. Answers what went. */
  done(views: readonly AlertView[]): readonly AlertView[];
  size(): number;
}

export function createWebhookQueue(): WebhookQueue {
  const waiting = new Map<string, AlertView>();
  return {
    put(view) {
      const full = waiting.size >= maxQueued && !waiting.has(view.id);
      const leaving = full ? oldest(waiting) : undefined;
      if (leaving) waiting.delete(leaving.id);
      waiting.set(view.id, view);
      return leaving;
    },
    batch: (most) => waiting.values().take(most).toArray(),
    done(views) {
      const done = views.filter((view) => waiting.get(view.id) === view);
      for (const { id } of done) waiting.delete(id);
      return done;
    },
    size: () => waiting.size,
  };
}

function oldest(waiting: ReadonlyMap<string, AlertView>): AlertView | undefined {
  return waiting.values().find((view) => view.state === 'RESOLVED') ?? waiting.values().next().value;
}
