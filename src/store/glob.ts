/** A condition that one of these globs, in which `*` stands for anything, fits the column. */
export function globCondition(column: string, globs: readonly string[]): { readonly sql: string; readonly values: readonly string[] } {
  return {
    sql: `(${globs.map(() => `${column} GLOB ?`).join(' OR ')})`,
    // What else means something to SQLite's GLOB is meant as it stands.
    values: globs.map((glob) => glob.replaceAll(/[?[]/g, (sign) => `[${sign}]`)),
  };
}
