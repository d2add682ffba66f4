import type { UnitProbeAction } from '../../settings/types.ts';
import { engineProbe } from './engine.ts';
import { execProbe } from './exec.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe } from './http.ts';
import { proxyProbe } from './proxy.ts';
import { tcpProbe } from './tcp.ts';
import type { ProbeContext, ProbeResult } from './types.ts';

const maxMessage = 300;

function runAction(action: UnitProbeAction, context: ProbeContext): Promise<ProbeResult> {
  switch (action.kind) {
    case 'exec':
      return execProbe(action, context);
    case 'http':
      return httpProbe(action, context);
    case 'tcp':
      return tcpProbe(action, context);
    case 'grpc':
      return grpcProbe(action, context);
    case 'engine':
      return engineProbe(action, context);
    case 'proxy':
      return proxyProbe(action, context);
    case 'log': {
      const ok = context.subject?.isMarked() === true;
      return Promise.resolve({ ok, message: ok ? 'its line was seen' : 'no line has matched yet' });
    }
  }
}

/** Looks once. Never throws; out of time is a failure that says so. */
export async function runProbe(action: UnitProbeAction, context: ProbeContext): Promise<ProbeResult> {
  const over = new AbortController();
  const cancel = context.clock.after(context.timeoutMs, () => over.abort());
  const signal = AbortSignal.any([context.signal, over.signal]);
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => undefined);
  signal.addEventListener('abort', () => late.reject(signal.reason), { once: true });
  try {
    // A kind that does not heed its signal must not keep the caller.
    const { ok, message } = await Promise.race([runAction(action, { ...context, signal }), late.promise]);
    return { ok, message: oneLine(message) };
  } catch (error) {
    if (over.signal.aborted) return { ok: false, message: `no answer within ${context.timeoutMs} ms` };
    return { ok: false, message: oneLine(describe(error)) };
  } finally {
    cancel();
  }
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, maxMessage);
}
