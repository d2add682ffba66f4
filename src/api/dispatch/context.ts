import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type ContextValues, createContextValues, type HandlerContext } from '@connectrpc/connect';
import { type Call, callKey } from '../seam.ts';
import type { Exchange } from '../transports/exchange.ts';
import { webHeaders } from '../transports/web-headers.ts';

/**
 * What a service is given of its call, as Connect's own handlers give it. Its parts are made when they are read: most services
 * read none of them, and they cost more than the call.
 */
export class CallContext implements HandlerContext {
  readonly call: Call;
  readonly exchange: Exchange;
  /** On the monotonic clock; undefined without a deadline. */
  readonly timeoutMs: () => number | undefined;
  sentHeader: Headers | undefined;
  sentTrailer: Headers | undefined;
  madeValues: ContextValues | undefined;
  madeHeader: Headers | undefined;

  constructor(call: Call, exchange: Exchange, timeoutMs: () => number | undefined = () => undefined) {
    this.call = call;
    this.exchange = exchange;
    this.timeoutMs = timeoutMs;
  }

  get service(): DescService {
    return this.call.method.service;
  }

  get method(): DescMethod {
    return this.call.method.desc;
  }

  get protocolName(): string {
    return this.call.protocol;
  }

  get requestMethod(): string {
    return this.exchange.method;
  }

  get url(): string {
    return `http://localhost${this.exchange.target}`;
  }

  get signal(): AbortSignal {
    return this.call.signal;
  }

  get values(): ContextValues {
    this.madeValues ??= createContextValues().set(callKey, this.call);
    return this.madeValues;
  }

  get requestHeader(): Headers {
    this.madeHeader ??= webHeaders(this.exchange.headers);
    return this.madeHeader;
  }

  get responseHeader(): Headers {
    this.sentHeader ??= new Headers();
    return this.sentHeader;
  }

  get responseTrailer(): Headers {
    this.sentTrailer ??= new Headers();
    return this.sentTrailer;
  }
}
