/** The little of ws 8 that the bench uses; the package brings no types. */
declare module 'ws' {
  import type { EventEmitter } from 'node:events';

  export class WebSocket extends EventEmitter {
    static readonly OPEN: number;
    readonly readyState: number;
    constructor(url: string, options?: { readonly perMessageDeflate?: boolean });
    send(data: string | Uint8Array): void;
    terminate(): void;
  }

  export class WebSocketServer extends EventEmitter {
    readonly clients: Set<WebSocket>;
    constructor(options: { readonly host: string; readonly port: number; readonly perMessageDeflate?: boolean });
    address(): { readonly port: number };
  }
}
