import { inspect } from 'node:util';

/**
 * A value that no log line, error, event or printed object may show: whatever turns it into text gets `***`.
 * Only `reveal()` gives it away, so that a search for that word finds every use.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}
