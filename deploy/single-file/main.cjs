/**
 * What the single file runs: it unpacks the program once for each build into the user's cache, and goes on there. The file holds Node, this,
 * and the payload (build.ts). CommonJS, because Node 24 takes nothing else for this.
 */
const { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } = require('node:fs');
const { createRequire, enableCompileCache } = require('node:module');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const sea = require('node:sea');
const { deserialize } = require('node:v8');
const { zstdDecompressSync } = require('node:zlib');

/** Builds that are kept unpacked: one that still runs loads parts of itself late. */
const mostBuilds = 4;
const user = process.geteuid();

function refuse(message) {
  process.stderr.write(`sboxagent: ${message}\n`);
  process.exit(78);
}

/** Where only this user writes: what lies there is run. */
function cacheDirectory() {
  const { XDG_CACHE_HOME: xdg, HOME: home } = process.env;
  const base = xdg || (home ? join(home, '.cache') : join(tmpdir(), `sboxagent-${user}`));
  const directory = join(base, 'sboxagent', 'single-file');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    refuse(`it cannot unpack itself into ${directory} (${error.code}): name another place with XDG_CACHE_HOME`);
  }
  const { uid, mode } = lstatSync(directory);
  if (uid !== user || (mode & 0o022) !== 0) refuse(`${directory} can be written by others: name another place with XDG_CACHE_HOME`);
  return directory;
}

function unpack(directory) {
  const files = deserialize(zstdDecompressSync(Buffer.from(sea.getRawAsset('payload'))));
  const made = new Set();
  for (const [path, content] of files) {
    const target = join(directory, path);
    if (!made.has(dirname(target))) mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    made.add(dirname(target));
    const file = openSync(target, 'wx', 0o600);
    writeSync(file, content);
    // What is renamed into place must be whole, also after a loss of power.
    fsyncSync(file);
    closeSync(file);
  }
}

function removeOldBuilds(cache) {
  const builds = readdirSync(cache)
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => ({ name, time: statSync(join(cache, name)).mtimeMs }));
  for (const { name } of builds.sort((a, b) => b.time - a.time).slice(mostBuilds))
    rmSync(join(cache, name), { recursive: true, force: true });
}

function unpacked() {
  const cache = cacheDirectory();
  const directory = join(cache, sea.getAsset('id', 'utf8'));
  if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) return directory;
  const temporary = join(cache, `${process.pid}.new`);
  rmSync(temporary, { recursive: true, force: true });
  try {
    mkdirSync(temporary, { mode: 0o700 });
    unpack(temporary);
    renameSync(temporary, directory);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Another one that started at the same time was first.
    if (lstatSync(directory, { throwIfNoEntry: false }) === undefined)
      refuse(`it cannot unpack itself into ${cache} (${error.code ?? error.message})`);
  }
  removeOldBuilds(cache);
  return directory;
}

const directory = unpacked();
enableCompileCache(join(dirname(directory), 'code'));
process.argv[1] = join(directory, 'src/main.js');
createRequire(process.argv[1])(process.argv[1]);
