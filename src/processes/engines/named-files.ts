/** A path that a value names; `certain` = its key says so, else it only looks like one. */
const inline = /-----BEGIN|[\r\n]/;
/** What stands before a path in a value that is more than a path. */
const schemes = /^(?:file:\/{0,2}|(?:https?\+)?unix:(?:\/\/)?)(?=[/.@~])/i;
/** xray's databases: `ext:file.dat:tag`. */
const database = /^!*ext(?:-domain|-ip|-site)?:([^:]+):/;
/** Options of v2ray-plugin: `tls;cert=/path;path=/ws`. */
const pluginOption = /(?:^|;)\s*cert=([^;]+)/;
const longest = 4096;

/** Files that a value names where its key says that it is one. Text that is itself what the file would hold names none. */
export function certainFiles(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list
    .filter((one) => typeof one === 'string')
    .flatMap((one) => (one === '' || one === 'none' || inline.test(one) ? [] : [bare(one)]));
}

/** Files that any other value names by its look: an absolute path, one that climbs, a URL of a file or of a socket. */
export function apparentFiles(value: unknown): readonly string[] {
  if (typeof value !== 'string' || value.length > longest || inline.test(value)) return [];
  const named = database.exec(value)?.[1];
  // The database lies in a directory of the engine's own: a plain name is no choice of a file.
  if (named !== undefined) return /[/\\]|\.\./.test(named) ? [named] : [];
  const path = bare(value);
  if (path !== value || /^(?:\/|~(?:\/|$))/.test(path) || /(?:^|[/\\])\.\.(?:[/\\]|$)/.test(path)) return [path];
  return [];
}

/** The file in the options of a plugin. */
export function pluginFiles(value: unknown): readonly string[] {
  const found = typeof value === 'string' ? pluginOption.exec(value)?.[1]?.trim() : undefined;
  return found === undefined || inline.test(found) ? [] : [found];
}

/** Without what stands before and behind a path: `file://`, and the mode of xray's sockets (`/run/x.sock,0666`). */
function bare(value: string): string {
  return value.replace(schemes, '').replace(/,0?[0-7]{3}$/, '');
}
