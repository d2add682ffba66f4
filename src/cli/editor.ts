import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usage } from './failure.ts';

/** A text in a file of its own that nobody else can read, for a program of the user's choice. */
export interface EditedFile {
  readonly path: string;
  /** Opens the editor; answers the text as it was left. Throws Failure where the editor cannot be run or gives up. */
  edit(): Promise<string>;
  remove(): Promise<void>;
}

/** What $VISUAL or $EDITOR name, which may hold arguments; vi where neither is set. */
function editorOf(env: Readonly<Record<string, string | undefined>>): string {
  return env['VISUAL'] || env['EDITOR'] || 'vi';
}

export async function editedFile(text: string, name: string, env: Readonly<Record<string, string | undefined>>): Promise<EditedFile> {
  const dir = await mkdtemp(join(env['TMPDIR'] || tmpdir(), 'sboxagent-edit-'));
  const path = join(dir, name);
  await writeFile(path, text, { mode: 0o600 });
  return {
    path,
    async edit() {
      await openEditor(editorOf(env), path);
      return readFile(path, 'utf8');
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

function openEditor(editor: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Through a shell, as every program does it: the variable may name arguments.
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          usage(
            `the editor ${JSON.stringify(editor)} ended with ${signal ?? `code ${code}`}`,
            `Name another by $EDITOR. What was written is in ${path}.`,
          ),
        );
    });
  });
}
