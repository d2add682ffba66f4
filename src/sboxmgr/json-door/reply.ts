/** A reply without its trace id; what there is nothing to say of is left out: sboxmgr takes no null. */
export interface Reply {
  readonly success: boolean;
  readonly message: string;
  readonly error_code?: string;
  readonly [field: string]: unknown;
}

export type Request = Readonly<Record<string, unknown>>;

export function failed(code: string, message: string, more: Readonly<Record<string, unknown>> = {}): Reply {
  return { success: false, message, error_code: code, ...more };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
